import type { RecordDraft } from '@countersign/contracts';
import type { RecordId } from '@countersign/kernel';
import { hashLeaf } from '@countersign/merkle-log';
import { codeOf } from '@countersign/testkit';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningAuditLog } from '../index.ts';
import { createRig, draft, type Rig } from '../testing/rig.ts';
import { createRoleThief } from '../testing/role-thief.ts';

const by = { id: 'person:colin.counsel', institution: '5493001KJTIIGC8Y1R12' };
const subject = 'person:tessa.trader';
const snapshot = 'begin isolation level repeatable read';

let rig: Rig;
let log: RunningAuditLog;
let eraser: pg.Pool;
let key: string;
beforeEach(async () => {
  rig = await createRig();
  log = await rig.open();
  eraser = rig.scratch.pool('evidence-eraser', { maxConnections: 2 });
  await write({
    type: 'session.started',
    outcome: 'done',
    data: {},
    protectedValues: [{ path: '/data/mail', kind: 'personal', subject, value: 'tessa@example.com' }],
  });
  key = (await log.custody.keysOf(subject))[0]?.key ?? '';
});
afterEach(() => rig.close());

async function write(members: Partial<RecordDraft>): Promise<RecordId> {
  return (await log.append(draft(members))).id;
}
const approve = (): Promise<RecordId> =>
  write({ type: 'erasure.approved', source: 'retention', outcome: 'done', data: { keys: [key] } });
const completed = (authority: RecordId): Partial<RecordDraft> => ({
  type: 'erasure.completed',
  source: 'audit-log',
  outcome: 'done',
  subject: by,
  references: [authority],
  data: { keys: [key], values: 1, as_of: -1 },
});
const newestPlace = async () => (await log.newest(['erasure.completed'])).toString();
const isThere = async () => (await log.custody.keysOf(subject))[0]?.values === 1;
/** Runs statements as the eraser role, in one transaction. @returns the SQLSTATE that ended it */
async function asEraser(...statements: readonly string[]): Promise<string> {
  const session = await eraser.connect();
  try {
    for (const statement of statements) await session.query(statement);
    return 'it was done';
  } catch (error) {
    return error instanceof pg.DatabaseError ? (error.code ?? '') : String(error);
  } finally {
    await session.query('rollback');
    session.release();
  }
}

describe('an attacker with the role of the log', () => {
  it('has no key erased despite a hold by a forged approval and completion', async () => {
    await write({ type: 'hold.placed', source: 'retention', outcome: 'done', data: { matter: 'case 7', scope: {} } });
    await log.checkpoint();
    const thief = createRoleThief(rig.pool(), rig.clock);
    const { id } = await thief.forge({
      type: 'erasure.approved',
      source: 'retention',
      outcome: 'done',
      data: { keys: [key] },
    });
    const { index } = await thief.forge({ ...completed(id), data: { keys: [key], values: 1, as_of: 1_000_000 } });
    const { rows } = await thief.pool.query('select key_id, note from checkpoints order by size desc limit 1');
    await thief.pool.query('insert into checkpoints (size, key_id, note) values ($1, $2, $3)', [
      index + 1n,
      rows[0].key_id,
      rows[0].note,
    ]);
    // On their own.
    await expect(thief.pool.query('select evidence_eraser.erase_keys($1)', [index])).rejects.toThrow(
      /permission denied/,
    );
    // Through the process that completes recorded removals, and through its commands.
    expect(await codeOf(log.custody.settle())).toBe('log_inconsistent');
    expect(await codeOf(log.custody.erase({ keys: [key], asOf: 1_000_000n, authority: id, by }))).toBe(
      'log_inconsistent',
    );
    expect(await isThere()).toBe(true);
  });
});

describe('an attacker with the eraser role', () => {
  it('reads no table and writes none', async () => {
    for (const table of ['entries', 'bodies', 'subject_keys', 'protected_values', 'checkpoints', 'standings'])
      for (const statement of [
        `select 1 from audit_log.${table}`,
        `insert into audit_log.${table} default values`,
        `delete from audit_log.${table}`,
      ])
        expect(await asEraser(statement), statement).toBe('42501');
    for (const statement of ['select 1 from done', 'insert into done values (1)', 'delete from done'])
      expect(await asEraser(statement), statement).toBe('42501');
  });

  it('removes nothing without a record, and nothing that is not a removal', async () => {
    const place = (await log.search({ type: 'session.started' }))[0]?.index;
    await log.checkpoint();
    expect(await asEraser(snapshot, `select erase_keys(${place})`)).toBe('CU002');
    expect(await asEraser(snapshot, `select prune_bodies(${place}, '{}', '{}')`)).toBe('CU002');
    expect(await asEraser(snapshot, 'select erase_keys(1000000)')).toBe('CU002');
    expect(await isThere()).toBe(true);
  });

  it('removes nothing by a record not under a checkpoint, or outside a transaction that reads from one snapshot', async () => {
    await log.append(draft(completed(await approve())));
    const erase = `select erase_keys(${await newestPlace()})`;
    expect(await asEraser(snapshot, erase)).toBe('CU002');
    await log.checkpoint();
    expect(await asEraser(erase)).toBe('CU002');
    expect(await asEraser('begin', erase)).toBe('CU002');
    expect(await asEraser(snapshot, erase)).toBe('it was done');
  });

  it('removes nothing by a record that was committed after its transaction began', async () => {
    const session = await eraser.connect();
    await session.query(snapshot);
    await session.query('select from pending()');
    await log.append(draft(completed(await approve())));
    await log.checkpoint();
    const erase = `select erase_keys(${await newestPlace()})`;
    await expect(session.query(erase)).rejects.toMatchObject({ code: 'CU002' });
    await session.query('rollback');
    session.release();
    expect(await asEraser(snapshot, erase)).toBe('it was done');
  });

  it('removes nothing by a record of its own transaction, even as the owner of the database', async () => {
    await log.append(draft(completed(await approve())));
    const place = BigInt(await newestPlace());
    await log.checkpoint();
    const [entry] = (await rig.tamper('select * from entries where index = $1', [place])).rows;
    const [{ body }] = (await rig.tamper('select body from bodies where index = $1', [place])).rows;
    const owner = new pg.Client(rig.scratch.connection);
    await owner.connect();
    try {
      await owner.query(`${snapshot}; set local search_path = audit_log; savepoint one`);
      await owner.query(
        'insert into entries (index, record_id, type, leaf_hash, class, recorded_at) values ($1, $2, $3, $4, $5, $6)',
        [place + 1n, 'rec_again', entry.type, hashLeaf(body), 'custody', entry.recorded_at],
      );
      await owner.query('insert into bodies values ($1, $2, $3)', ['custody', place + 1n, body]);
      await owner.query("insert into checkpoints values ($1, 'key', 'note')", [place + 2n]);
      await owner.query('release savepoint one');
      await expect(owner.query(`select evidence_eraser.erase_keys(${place + 1n})`)).rejects.toMatchObject({
        code: 'CU002',
      });
    } finally {
      await owner.end();
    }
    expect(await isThere()).toBe(true);
  });

  it('removes nothing if a hold was recorded between the basis and the removal record', async () => {
    const authority = await approve();
    await write({ type: 'hold.placed', source: 'retention', outcome: 'done', data: {} });
    await log.append(draft(completed(authority)));
    await log.checkpoint();
    expect(await asEraser(snapshot, `select erase_keys(${await newestPlace()})`)).toBe('CU001');
    expect(await isThere()).toBe(true);
  });

  it('removes nothing that the approval does not name, and nothing by an approval later than the record', async () => {
    const other = await write({
      type: 'erasure.approved',
      source: 'retention',
      outcome: 'done',
      data: { keys: ['another'] },
    });
    await log.append(draft(completed(other)));
    const one = await newestPlace();
    const late = draft({ type: 'erasure.approved', source: 'retention', outcome: 'done', data: { keys: [key] } });
    await log.append(draft(completed(late.id)));
    const two = await newestPlace();
    await log.append(late);
    await log.checkpoint();
    for (const place of [one, two]) expect(await asEraser(snapshot, `select erase_keys(${place})`)).toBe('CU002');
    expect(await isThere()).toBe(true);
  });
});

describe('a removal that was recorded and interrupted', () => {
  it('is completed by another process, once', async () => {
    const authority = await approve();
    const hurried = rig.scratch.pool('evidence-eraser', { maxConnections: 1, lockTimeoutMs: 100 });
    const dying = await rig.open({ eraserPool: hurried });
    const owner = new pg.Client(rig.scratch.connection);
    await owner.connect();
    await owner.query('begin; lock table evidence_eraser.done in share mode');
    expect(await codeOf(dying.custody.erase({ keys: [key], asOf: -1n, authority, by }))).toBe('log_unavailable');
    await owner.query('rollback');
    await owner.end();
    expect(await isThere()).toBe(true);
    expect(await log.search({ type: 'erasure.completed' })).toHaveLength(1);
    expect(await log.verify()).toMatchObject({ ok: true });
    await log.custody.settle();
    expect(await isThere()).toBe(false);
    await Promise.all([log.custody.settle(), dying.custody.settle()]);
    expect(await log.search({ type: 'erasure.completed' })).toHaveLength(1);
    expect(await log.verify()).toMatchObject({ ok: true });
  });
});
