import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acquireOwnerLock } from './owner-lock.ts';
import { ownIdentity } from './process-identity.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'owner-lock-'));
  path = join(folder, 'owner.lock');
});
afterEach(() => rmSync(folder, { recursive: true }));

const inUse = (owner: string) => new Error(`in use by ${owner}`);
const leave = (owner: Partial<ReturnType<typeof ownIdentity>>): void =>
  writeFileSync(path, JSON.stringify({ ...ownIdentity(), ...owner }));

describe('the owner lock', () => {
  it('has one holder at a time and is removed on release', async () => {
    const lock = await acquireOwnerLock({ folder, inUse });
    await expect(acquireOwnerLock({ folder, inUse })).rejects.toThrow(`in use by process ${process.pid}`);
    lock.release();
    expect(readdirSync(folder)).toEqual([]);
    (await acquireOwnerLock({ folder, inUse })).release();
  });

  it.each([
    ['whose pid now belongs to another process', { started: 'at another time' }],
    ['from before the machine was started again', { boot: 'an earlier one' }],
    ['of a process that is gone', { pid: 2 ** 22 + 1, started: '1' }],
  ])('is taken from an owner %s', async (_, owner) => {
    leave(owner);
    (await acquireOwnerLock({ folder, inUse })).release();
  });

  it('is taken over if its content is damaged', async () => {
    writeFileSync(path, '\0\0\0\0');
    (await acquireOwnerLock({ folder, inUse })).release();
  });

  it('stays with an owner in another container that renews it', async () => {
    leave({ place: 'another-host/pid:[1]' });
    const beat = setInterval(() => utimesSync(path, new Date(), new Date()), 20);
    await expect(acquireOwnerLock({ folder, inUse, heartbeatMs: 200 })).rejects.toThrow('another-host');
    clearInterval(beat);
  });

  it('is taken from an owner in another container that has stopped renewing it', async () => {
    leave({ place: 'another-host/pid:[1]' });
    const told: string[] = [];
    const lock = await acquireOwnerLock({
      folder,
      inUse,
      heartbeatMs: 20,
      onProgress: (message) => told.push(message),
    });
    expect(told).toHaveLength(1);
    lock.release();
  });

  it('is not released by a former holder', async () => {
    const lock = await acquireOwnerLock({ folder, inUse });
    leave({ place: 'another-host/pid:[1]' });
    lock.release();
    expect(readFileSync(path, 'utf8')).toContain('another-host');
  });
});
