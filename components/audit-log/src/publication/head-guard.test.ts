import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, type Logger } from '@countersign/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningAuditLog } from '../index.ts';
import { createRig, draft, drafts, type Rig } from '../testing/rig.ts';
import { restoreLog, snapshotLog } from '../testing/superuser-store.ts';
import { openHeadGuard } from './head-guard.ts';

let rig: Rig;
let folder: string;
let file: string;
beforeEach(async () => {
  rig = await createRig();
  folder = mkdtempSync(join(tmpdir(), 'head-guard-'));
  file = join(folder, 'head');
});
afterEach(async () => {
  await rig.close();
  rmSync(folder, { recursive: true });
});

const open = (options: Parameters<Rig['open']>[0] = {}): Promise<RunningAuditLog> =>
  rig.open({ headGuardFolder: folder, ...options });
const grow = (log: RunningAuditLog, count: number) => Promise.all(drafts(count).map((one) => log.append(one)));
const sizeIn = (text: string) => text.split('\n')[2];

const inconsistent = { code: 'log_inconsistent', category: 'unavailable' };

describe('the head guard', () => {
  it('stores each head before it is shown, in a self-describing file', async () => {
    const log = await open();
    await grow(log, 10);
    const note = await log.checkpoint();
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(/^countersign\.head-guard\/v1\nlog\.example\/test\n\d+\n\S{44}\n\nsha256 [0-9a-f]{64}\n$/);
    expect(text.split('\n').slice(1, 4)).toEqual(note.split('\n').slice(0, 3));
  });

  it('refuses a database restored from a backup at the start, with instructions', async () => {
    const first = await open();
    await grow(first, 10);
    await first.checkpoint();
    await snapshotLog(rig.scratch.connection, 'backup');
    await grow(first, 10);
    await first.checkpoint();
    await first.stop();
    const held = readFileSync(file, 'utf8');
    await restoreLog(rig.scratch.connection, 'backup');
    await expect(open()).rejects.toMatchObject({
      ...inconsistent,
      detail: expect.stringMatching(/restored from an older backup[\s\S]*Restore the database to a state with all/),
    });
    expect(readFileSync(file, 'utf8')).toBe(held);
    // Without a guard the database trusts itself: only the guard prevents the start.
    const unguarded = await rig.open();
    await unguarded.checkpoint();
  });

  it('refuses one that has grown differently since the backup, however large', async () => {
    const first = await open();
    await grow(first, 10);
    await first.checkpoint();
    await snapshotLog(rig.scratch.connection, 'backup');
    await grow(first, 5);
    await first.checkpoint();
    await first.stop();
    await restoreLog(rig.scratch.connection, 'backup');
    const elsewhere = await rig.open();
    await grow(elsewhere, 300);
    await elsewhere.stop();
    await expect(open()).rejects.toMatchObject({
      ...inconsistent,
      detail: expect.stringContaining('other ones in their places'),
    });
  });

  it('refuses one restored while the log runs: no fork is ever signed', async () => {
    const log = await open();
    await snapshotLog(rig.scratch.connection, 'backup');
    await grow(log, 10);
    await log.checkpoint();
    await restoreLog(rig.scratch.connection, 'backup');
    await expect(log.checkpoint()).rejects.toMatchObject(inconsistent);
    const { rows } = await rig.tamper('select count(*)::int as count from checkpoints');
    await log.append(draft()).catch(() => undefined);
    await expect(log.checkpoint()).rejects.toMatchObject(inconsistent);
    expect((await rig.tamper('select count(*)::int as count from checkpoints')).rows).toEqual(rows);
    await expect(log.checkHealth()).rejects.toMatchObject(inconsistent);
  });

  it('accepts a complete database that is restored after the refusal', async () => {
    const first = await open();
    await snapshotLog(rig.scratch.connection, 'older');
    await grow(first, 10);
    await first.checkpoint();
    await first.stop();
    await snapshotLog(rig.scratch.connection, 'newer');
    await restoreLog(rig.scratch.connection, 'older');
    await expect(open()).rejects.toMatchObject(inconsistent);
    await restoreLog(rig.scratch.connection, 'newer');
    const second = await open();
    await grow(second, 5);
    await second.checkpoint();
    expect(await second.verify()).toMatchObject({ ok: true });
  });

  it('is written before the signature, so that a crash in between loses nothing', async () => {
    const first = await open();
    await first.checkpoint();
    const { signer } = rig;
    let failing = false;
    await first.stop();
    const second = await open({
      signer: {
        ...signer,
        sign: async (...asked: Parameters<typeof signer.sign>) => {
          if (failing) throw new Error('gone');
          return signer.sign(...asked);
        },
      },
    });
    await second.checkpoint();
    const before = sizeIn(readFileSync(file, 'utf8'));
    await grow(second, 3);
    failing = true;
    await expect(second.checkpoint()).rejects.toMatchObject({ code: 'log_unavailable' });
    expect(Number(sizeIn(readFileSync(file, 'utf8')))).toBeGreaterThan(Number(before));
    failing = false;
    await second.stop();
    const third = await open();
    await grow(third, 3);
    await third.checkpoint();
  });

  it('belongs to one node: two publishers never share a folder', async () => {
    const log = await open();
    await expect(open()).rejects.toMatchObject({ code: 'log_guard_unusable', category: 'unavailable' });
    await log.stop();
    await open();
  });

  it('is released if the log does not start', async () => {
    await expect(
      open({ witnessing: { policy: 'nonsense', exchange: async () => Promise.reject(new Error()) } }),
    ).rejects.toMatchObject({
      code: 'log_policy_unusable',
    });
    await open();
  });

  it('of two nodes on one database is separate, and both continue', async () => {
    const folders = [join(folder, 'one'), join(folder, 'two')];
    const logs = await Promise.all(folders.map((headGuardFolder) => open({ headGuardFolder })));
    for (let round = 0; round < 5; round++)
      for (const log of logs) {
        await grow(log, 3);
        await log.checkpoint();
      }
    expect(folders.map((one) => Number(sizeIn(readFileSync(join(one, 'head'), 'utf8'))))).toEqual([
      expect.any(Number),
      expect.any(Number),
    ]);
    for (const log of logs) expect(await log.verify()).toMatchObject({ ok: true });
  });

  it('damaged in any byte prevents the start and is not repaired automatically', async () => {
    const log = await open();
    await grow(log, 10);
    await log.checkpoint();
    await log.stop();
    const bytes = readFileSync(file);
    for (let at = 0; at < bytes.length; at += 7) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      writeFileSync(file, changed);
      await expect(open(), `byte ${at}`).rejects.toMatchObject({
        ...inconsistent,
        detail: expect.stringContaining('damaged'),
      });
    }
    for (const content of ['', bytes.subarray(0, 30), Buffer.concat([bytes, bytes])]) {
      writeFileSync(file, content);
      await expect(open()).rejects.toMatchObject(inconsistent);
    }
    writeFileSync(file, bytes);
    await open();
  });

  it('of another log prevents the start', async () => {
    const guard = await openHeadGuard({ folder, origin: 'log.example/other' });
    await guard.advance(undefined, { size: 0n, root: Buffer.alloc(32) });
    guard.release();
    await expect(open()).rejects.toMatchObject({
      ...inconsistent,
      detail: expect.stringContaining('log.example/other'),
    });
  });

  it('if missing is created from the newest head, and the node warns that it trusts the database', async () => {
    const first = await open();
    await grow(first, 10);
    const note = await first.checkpoint();
    await first.stop();
    rmSync(file);
    const warnings: unknown[] = [];
    const logger: Logger = Object.assign(createLogger({ level: 'silent', name: 'test' }), {
      warn: (...args: unknown[]) => void warnings.push(args),
    });
    const second = await open({ logger });
    expect(warnings).toMatchObject([[{ file }, expect.stringContaining('trusts the database')]]);
    await second.checkpoint();
    expect(Number(sizeIn(readFileSync(file, 'utf8')))).toBeGreaterThan(Number(note.split('\n')[1]));
  });

  it('deleted or changed while the log runs stops signing', async () => {
    const log = await open();
    await log.checkpoint();
    const kept = readFileSync(file);
    await grow(log, 3);
    await log.checkpoint();
    writeFileSync(file, kept);
    await grow(log, 3);
    // An older head of the same log is compared with this process's memory.
    await expect(log.checkpoint()).rejects.toMatchObject({
      ...inconsistent,
      detail: expect.stringContaining('another program'),
    });
    rmSync(file);
    await expect(log.checkpoint()).rejects.toMatchObject({
      ...inconsistent,
      detail: expect.stringContaining('is missing'),
    });
  });

  it('that cannot be written stops signing, which continues once it can', async () => {
    const log = await open();
    await log.checkpoint();
    const kept = readFileSync(file);
    const lock = readFileSync(join(folder, 'owner.lock'));
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'no folder');
    await grow(log, 3);
    await expect(log.checkpoint()).rejects.toMatchObject({ code: 'log_guard_unusable' });
    rmSync(folder);
    mkdirSync(folder);
    writeFileSync(join(folder, 'owner.lock'), lock);
    writeFileSync(file, kept);
    await log.checkpoint();
  });

  it('is cleaned of the unfinished files of a killed process', async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, '0011223344556677.new'), 'half');
    const log = await open();
    await log.stop();
    expect(readdirSync(folder)).toEqual(['head']);
  });
});
