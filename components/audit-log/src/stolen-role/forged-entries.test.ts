import { randomBytes } from 'node:crypto';
import { ended, standing } from '@countersign/contracts';
import { digestOf } from '@countersign/kernel';
import { createLogger, createMetrics, type Logger } from '@countersign/runtime';
import { codeOf } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunningAuditLog } from '../index.ts';
import { createEntrySeals } from '../seals/entry-seals.ts';
import { createRig, draft, drafts, entrySealKey, newRecordId, type Rig } from '../testing/rig.ts';
import { createRoleThief, type RoleThief } from '../testing/role-thief.ts';

const approval = {
  type: 'erasure.approved',
  source: 'retention',
  outcome: 'done',
  data: { proposal: 'made up', keys: ['key_x'] },
} as const;
const grow = (on: RunningAuditLog, count: number) => Promise.all(drafts(count).map((one) => on.append(one)));
const seals = createEntrySeals({ key: entrySealKey, origin: 'log.example/test' });

let rig: Rig;
let log: RunningAuditLog;
let thief: RoleThief;
beforeEach(async () => {
  rig = await createRig();
  log = await rig.open();
  await grow(log, 5);
  await log.checkpoint();
  thief = createRoleThief(rig.pool(), rig.clock);
});
afterEach(() => rig.close());

const checkpoints = async () => (await rig.tamper('select size from checkpoints order by size')).rows;

describe('an entry inserted by an attacker with the role of the log', () => {
  it('is signed by no process and stops every release: no append succeeds, and the process is unhealthy', async () => {
    const before = await checkpoints();
    const forged = await thief.forge(approval);
    expect(await codeOf(log.checkpoint())).toBe('log_inconsistent');
    await expect(log.checkHealth()).rejects.toMatchObject({
      code: 'log_inconsistent',
      category: 'unavailable',
      detail: expect.stringMatching(
        new RegExp(`entry at ${forged.index} that no process of this installation appended.*remove`),
      ),
    });
    expect(await codeOf(log.append(draft()))).toBe('log_inconsistent');
    expect(await checkpoints()).toEqual(before);
  });

  it('is found by the next record, before any checkpoint is requested', async () => {
    await thief.forge(approval);
    const one = draft();
    expect(await codeOf(log.append(one))).toBe('log_inconsistent');
    expect((await rig.tamper('select 1 from entries where record_id = $1', [one.id])).rowCount).toBe(0);
    expect(await codeOf(log.append(draft()))).toBe('log_inconsistent');
  });

  it('is found while the log is idle, as an error in the service log and a metric', async () => {
    const errors: unknown[] = [];
    const logger: Logger = Object.assign(createLogger({ level: 'silent', name: 'test' }), {
      error: (...args: unknown[]) => void errors.push(args),
    });
    const metrics = createMetrics();
    const watching = await rig.open({ checkpointEveryMs: 20, logger, metrics });
    await watching.checkpoint();
    await thief.forge(approval);
    await vi.waitFor(
      () => expect(errors).toContainEqual([expect.anything(), expect.stringContaining('did not append')]),
      60_000,
    );
    expect(await metrics.registry.metrics()).toMatch(/countersign_log_forged_entries_total [1-9]/);
    expect(await codeOf(watching.append(draft()))).toBe('log_inconsistent');
  });

  it('grants no authority: its reader gets an error instead of the record', async () => {
    const { id } = await thief.forge(approval);
    for (const reading of [
      () => log.search({ type: 'erasure.approved' }),
      () => log.find(id),
      () => log.query({ types: ['erasure.approved'] }),
      () => log.queryLeaves({ types: ['erasure.approved'] }),
    ])
      expect(await codeOf(reading())).toBe('log_inconsistent');
  });

  it('prevents the log from starting as long as it is there', async () => {
    const { index } = await thief.forge(approval);
    await log.stop();
    expect(await codeOf(rig.open())).toBe('log_inconsistent');
    await rig.tamper('delete from entries where index = $1', [index]);
    await rig.tamper('delete from bodies where index = $1', [index]);
    const again = await rig.open();
    await grow(again, 3);
    await again.checkpoint();
    expect(await again.verify()).toMatchObject({ ok: true });
  });

  it('is found also behind a gap, before the missing position is filled', async () => {
    await thief.forge(approval, { at: 100n });
    expect(await codeOf(log.checkpoint())).toBe('log_inconsistent');
    expect(await codeOf(log.append(draft()))).toBe('log_inconsistent');
  });

  it.each([
    ['at random', () => randomBytes(32)],
    ['of another place', () => seals.seal({ index: 3n, leafHash: Buffer.alloc(32), recordId: newRecordId() })],
  ])('is recognised with a seal %s', async (_, seal) => {
    await thief.forge(approval, { seal: seal() });
    expect(await codeOf(log.checkpoint())).toBe('log_inconsistent');
  });

  it('is recognised with the seal of an existing record, and with that of another log under the same key', async () => {
    const { rows } = await rig.tamper('select seal from entries where index = 4');
    await thief.forge(approval, { seal: rows[0].seal });
    expect(await codeOf(log.checkpoint())).toBe('log_inconsistent');
    const place = { index: 4n, leafHash: Buffer.alloc(32, 1), recordId: newRecordId() };
    const elsewhere = createEntrySeals({ key: entrySealKey, origin: 'log.example/other' });
    expect(seals.isSealed(place, seals.seal(place))).toBe(true);
    expect(seals.isSealed(place, elsewhere.seal(place))).toBe(false);
    expect(seals.isSealed({ ...place, index: 5n }, seals.seal(place))).toBe(false);
    expect(seals.isSealed(place, null)).toBe(false);
  });

  it('is not made genuine by a checkpoint that the attacker inserts as well', async () => {
    const { index } = await thief.forge(approval);
    const { rows } = await thief.pool.query('select key_id, note from checkpoints order by size desc limit 1');
    await thief.pool.query('insert into checkpoints (size, key_id, note) values ($1, $2, $3)', [
      index + 1n,
      rows[0].key_id,
      rows[0].note,
    ]);
    expect(await codeOf(log.checkpoint())).toBe('log_inconsistent');
    expect(await codeOf(log.checkHealth())).toBe('log_inconsistent');
    await log.stop();
    expect(await codeOf(rig.open())).toBe('log_inconsistent');
  });

  it('cannot be hidden by claiming that it is older than the seals', async () => {
    for (const statement of [
      'update unsealed_entries set before = 1000000',
      'delete from unsealed_entries',
      'truncate unsealed_entries',
    ])
      await expect(thief.pool.query(statement), statement).rejects.toThrow(/permission denied/);
    await expect(thief.pool.query('insert into unsealed_entries (before) values (1000000)')).rejects.toThrow(
      /duplicate/,
    );
  });
});

describe('a standing inserted by an attacker with the role of the log', () => {
  const insert = (subject: string, index: bigint, content: { readonly acr: string } | undefined, seal?: Buffer) =>
    thief.pool.query('insert into standings (subject, index, digest, seal) values ($1, $2, $3, $4)', [
      subject,
      index,
      content === undefined ? null : Buffer.from(digestOf(content), 'base64url'),
      seal ?? null,
    ]);
  const strong = { acr: 'phrh' };
  const weak = { acr: 'pwd' };

  it.each([
    ['at the position of another record', 4n],
    ['at a position without a record', 1_000_000n],
  ])('grants no authority %s, and stops the log', async (_, index) => {
    await log.append(draft({ standing: [standing('session:a', weak)] }));
    await insert('session:a', index === 4n ? (await log.append(draft())).index : index, strong);
    expect(await codeOf(log.standings(['session:a']))).toBe('log_inconsistent');
    expect(await codeOf(log.append(draft()))).toBe('log_inconsistent');
  });

  it('does not restore an ended one, even with its former seal', async () => {
    const { index } = await log.append(draft({ standing: [standing('session:a', strong)] }));
    await log.append(draft({ standing: [ended('session:a')] }));
    const { rows } = await rig.tamper('select seal from standings where index = $1', [index]);
    await insert('session:a', (await log.append(draft())).index, strong, rows[0].seal);
    expect(await codeOf(log.standings(['session:a']))).toBe('log_inconsistent');
  });

  it('of a thing that never existed counts for nothing either', async () => {
    await insert('approval:made-up', 2n, strong);
    expect(await codeOf(log.standings(['approval:made-up']))).toBe('log_inconsistent');
  });
});

describe('seals', () => {
  it('of one node are verified by another, which continues from its last position', async () => {
    const other = await rig.open();
    for (let round = 0; round < 3; round++) {
      await grow(log, 300);
      await grow(other, 3);
      await other.checkpoint();
      await log.checkpoint();
    }
    expect(await log.verify()).toMatchObject({ ok: true });
  });

  it('are verified after the last signature at a start, and those of a log under another key are rejected', async () => {
    await grow(log, 3);
    expect(await codeOf(rig.open({ entrySealKey: randomBytes(32) }))).toBe('log_inconsistent');
    await (await rig.open()).checkpoint();
  });
});
