import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunningAuditLog } from '../index.ts';
import { createRig, drafts, type Rig } from '../testing/rig.ts';

// Files of a node outside the database, its head guard and its published folder, on a failing disk.

let rig: Rig;
let folder: string;
beforeEach(async () => {
  rig = await createRig();
  folder = mkdtempSync(join(tmpdir(), 'own-files-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rig.close();
  rmSync(folder, { recursive: true });
});

const open = (): Promise<RunningAuditLog> =>
  rig.open({
    headGuardFolder: join(folder, 'guard'),
    publishTo: { folder: join(folder, 'published'), entries: true, everyMs: 3_600_000 },
  });
const grow = (log: RunningAuditLog, count: number) => Promise.all(drafts(count).map((one) => log.append(one)));
const guardFile = (): string => {
  const name = readdirSync(join(folder, 'guard')).find((one) => !one.startsWith('.') && !one.endsWith('.lock'));
  return join(folder, 'guard', name ?? '');
};
const checkpointFile = () => join(folder, 'published', 'checkpoint');
const sizeOf = (note: string): bigint => BigInt(note.split('\n')[1] ?? '0');

/** Makes the next calls of fsync(2) fail with EIO where `fails` says so. @returns the number of calls so far */
async function failSyncs(fails: (call: number) => boolean): Promise<() => number> {
  const handle = await openFile(folder, 'r');
  const prototype: FileHandle = Object.getPrototypeOf(handle);
  await handle.close();
  const sync = prototype.sync;
  let calls = 0;
  vi.spyOn(prototype, 'sync').mockImplementation(async function (this: FileHandle) {
    if (fails(calls++)) throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' });
    return sync.call(this);
  });
  return () => calls;
}

describe('an fsync that fails', () => {
  it('at any step prevents a head from being shown, and has no effect once it succeeds', async () => {
    const log = await open();
    await grow(log, 5);
    await log.checkpoint();
    for (let failing = 0; ; failing++) {
      await grow(log, 3);
      const { rows } = await rig.tamper('select count(*)::int as count from checkpoints');
      const calls = await failSyncs((call) => call === failing);
      const outcome = await log.checkpoint().catch((error: { code: string }) => error.code);
      const reached = calls() > failing;
      vi.restoreAllMocks();
      if (!reached) {
        expect(failing, 'there is something to sync').toBeGreaterThan(1);
        break;
      }
      expect(outcome, `step ${failing}`).toBe('log_guard_unusable');
      expect((await rig.tamper('select count(*)::int as count from checkpoints')).rows).toEqual(rows);
      await log.checkpoint();
    }
    await log.stop();
    expect(await (await open()).verify()).toMatchObject({ ok: true });
  });

  it('at any step of a publication leaves the previous checkpoint in the folder, which is updated later', async () => {
    const log = await open();
    await grow(log, 260);
    await log.checkpoint();
    await log.publishToFolder();
    for (let failing = 0; ; failing++) {
      await grow(log, 3);
      const note = await log.checkpoint();
      const before = readFileSync(checkpointFile(), 'utf8');
      const calls = await failSyncs((call) => call === failing);
      const outcome = await log.publishToFolder().then(
        () => 'published',
        (error: { code: string }) => error.code,
      );
      const reached = calls() > failing;
      vi.restoreAllMocks();
      if (!reached) {
        expect(failing, 'there is something to sync').toBeGreaterThan(3);
        break;
      }
      expect(outcome, `step ${failing}`).toBe('log_folder_unusable');
      // The last step renames the checkpoint, whose content is already written.
      expect([before, note]).toContain(readFileSync(checkpointFile(), 'utf8'));
      await log.publishToFolder();
      expect(readFileSync(checkpointFile(), 'utf8')).toBe(note);
    }
  });
});

describe('a torn write', () => {
  it('of the head guard, at any length, prevents the start and gives instructions', async () => {
    const log = await open();
    await grow(log, 5);
    await log.checkpoint();
    await log.stop();
    const file = guardFile();
    const whole = readFileSync(file);
    for (const length of [0, 1, 40, whole.length - 66, whole.length - 1]) {
      writeFileSync(file, whole.subarray(0, length));
      await expect(open(), `${length} bytes`).rejects.toMatchObject({
        code: 'log_inconsistent',
        detail: expect.stringContaining(file),
      });
    }
    writeFileSync(file, whole);
    expect(sizeOf(await (await open()).checkpoint())).toBeGreaterThan(5n);
  });

  it('of a published file stops publication and names the file', async () => {
    const log = await open();
    await grow(log, 300);
    await log.checkpoint();
    await log.publishToFolder();
    const whole = readFileSync(checkpointFile());
    await grow(log, 300);
    await log.checkpoint();
    for (const length of [0, 20, whole.length - 1]) {
      writeFileSync(checkpointFile(), whole.subarray(0, length));
      await expect(log.publishToFolder(), `${length} bytes`).rejects.toMatchObject({
        detail: expect.stringContaining('checkpoint'),
      });
      expect(readFileSync(checkpointFile()).length).toBe(length);
    }
    writeFileSync(checkpointFile(), whole);
    await log.publishToFolder();
    expect(sizeOf(readFileSync(checkpointFile(), 'utf8'))).toBe(sizeOf((await log.published()) ?? ''));
    expect(existsSync(join(folder, 'published', 'tile', '0', '001'))).toBe(true);
  });
});
