import { type RecordDraft, recordTypes, retentionClasses, retentionClassOf } from '@countersign/contracts';
import { isCodedError, newId, toInstant } from '@countersign/kernel';
import { Frontier, hashLeaf, verifyInclusion } from '@countersign/merkle-log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningAuditLog } from './index.ts';
import { createRig, draft, drafts, firstPlace, newRecordId, newTransaction, type Rig } from './testing/rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

/** Records which bodies are pruned, as a pruning does, with the root over their leaf hashes. */
async function recordPruning(log: RunningAuditLog, first: number, last: number, root?: string): Promise<void> {
  const { rows } = await rig.tamper('select leaf_hash from entries where index between $1 and $2 order by index', [
    first,
    last,
  ]);
  const hashes = rows.map((row: { leaf_hash: Buffer }) => row.leaf_hash);
  const over = Frontier.empty.append(hashes).root().toString('base64url');
  await log.append(
    draft({
      type: 'log.pruned',
      outcome: 'done',
      source: 'audit-log',
      data: { ranges: [[first, last]], count: hashes.length, root: root ?? over },
    }),
  );
}

describe('the shards of bodies', () => {
  it('are one per class, and every record is in the shard of its type', async () => {
    const log = await rig.open();
    // Records about streams and prunings must be true.
    const types = recordTypes.filter((type) => !/^source\.|^log\.pruned/.test(type));
    await Promise.all(types.map((type) => log.append(draft({ type }))));
    for (const name of retentionClasses) {
      const { rows } = await rig.tamper(
        `select entries.type from bodies_${name} as body join entries using (index) order by index`,
      );
      expect(rows.length, name).toBeGreaterThan(0);
      for (const { type } of rows as { type: (typeof recordTypes)[number] }[])
        expect(retentionClassOf(type), type).toBe(name);
    }
    expect(await log.verify()).toMatchObject({ ok: true });
  });

  it('cannot be changed by the role of the log or by their owner', async () => {
    await rig.open();
    const pool = rig.pool();
    for (const statement of [
      `update bodies set body = 'x'`,
      'delete from bodies',
      'truncate bodies_access',
      'delete from bodies_operation',
      `update stream_monitor set through = 0`,
    ])
      await expect(pool.query(statement), statement).rejects.toThrow('permission denied');
  });
});

describe('a record whose body has been pruned', () => {
  /** Fifty refusals of access from the first position on, of which the first forty have been pruned. */
  async function pruned(): Promise<{ readonly log: RunningAuditLog; readonly written: readonly RecordDraft[] }> {
    const log = await rig.open();
    const transaction = newTransaction();
    const written = drafts(50, { transaction });
    for (const record of written) {
      rig.clock.advance(1_000);
      await log.append(record);
    }
    await log.checkpoint();
    await recordPruning(log, firstPlace, firstPlace + 39);
    await rig.tamper('delete from bodies where index between $1 and $2', [firstPlace, firstPlace + 39]);
    return { log, written };
  }

  it('is no longer found, and the others are, page by page', async () => {
    const { log, written } = await pruned();
    const [first] = written;
    expect(await log.find(first?.id ?? ('' as never))).toBeUndefined();
    const left = Array.from({ length: 10 }, (_, position) => BigInt(firstPlace + 40 + position));
    const placesOf = (found: readonly { readonly index: bigint }[]) => found.map(({ index }) => index);
    expect(placesOf(await log.search({ types: ['access.refused'] }))).toEqual(left);
    expect(placesOf(await log.search({ types: ['access.refused'], limit: 3 }))).toEqual(left.slice(0, 3));
    expect(placesOf(await log.search({ ...(first?.transaction && { transaction: first.transaction }) }))).toEqual(left);
    for (const limit of [1, 3, 10, 1_000])
      expect(placesOf(await log.scan({ types: ['access.refused'], limit }))).toEqual(left.slice(0, limit));
    expect(await log.newest(['access.refused'])).toBe(BigInt(firstPlace + 49));
  });

  it('keeps its position, its time and its proof', async () => {
    const { log } = await pruned();
    const start = Date.parse('2026-11-21T09:30:00Z');
    expect(await log.count({ types: ['access.refused'], from: start + 10_000, until: start + 20_000 })).toBe(10);
    const { rows } = await rig.tamper('select leaf_hash from entries where index = 5');
    const size = BigInt(firstPlace + 51);
    const hashes = await rig.tamper('select leaf_hash from entries order by index');
    const root = Frontier.empty.append(hashes.rows.map((row: { leaf_hash: Buffer }) => row.leaf_hash)).root();
    expect(
      verifyInclusion({
        index: 5n,
        size,
        leafHash: (rows[0] as { leaf_hash: Buffer }).leaf_hash,
        proof: await log.proveInclusion(5n, size),
        root,
      }),
    ).toEqual({ ok: true });
    expect(await log.entryBundle({ index: 0n, width: 40 })).toBeUndefined();
    expect(await log.entryBundle({ index: 0n, width: firstPlace })).toBeDefined();
  });

  it('does not prevent the log from being verified, reopened and appended to', async () => {
    const { log } = await pruned();
    const size = BigInt(firstPlace + 51);
    expect(await log.verify()).toMatchObject({ ok: true, size });
    await log.stop();
    const again = await rig.open();
    await again.append(draft());
    expect(await again.verify()).toMatchObject({ ok: true });
  });

  it('cannot be appended again, because its content cannot be compared', async () => {
    const { log, written } = await pruned();
    const outcome = await log.append(written[0] ?? draft()).catch((error: unknown) => error);
    expect(isCodedError(outcome, 'record_identity_taken')).toBe(true);
  });

  it('is reported as missing if the log has not recorded its pruning', async () => {
    const { log } = await pruned();
    await rig.tamper('delete from bodies where index = $1', [firstPlace + 44]);
    expect(await log.verify()).toMatchObject({ ok: false, reason: 'body_missing', index: BigInt(firstPlace + 44) });
  });

  it('is not explained by a list with another root or of positions not yet written', async () => {
    const log = await rig.open();
    await Promise.all(drafts(5).map((record) => log.append(record)));
    await recordPruning(log, firstPlace, firstPlace + 2, Buffer.alloc(32, 1).toString('base64url'));
    expect(await log.verify()).toMatchObject({ ok: false, reason: 'pruning_altered', index: BigInt(firstPlace + 5) });
    const other = await createRig();
    const second = await other.open();
    await second.append(
      draft({ type: 'log.pruned', source: 'audit-log', data: { ranges: [[2, 400]], count: 399, root: 'x' } }),
    );
    expect(await second.verify()).toMatchObject({ ok: false, reason: 'pruning_altered' });
    await other.close();
  });
});

describe('verifying the shards', () => {
  it.each([
    [
      'a body in another shard',
      `with moved as (delete from bodies where index = 4 returning index, body) insert into bodies select 'custody', index, body from moved`,
      'body_unexpected',
    ],
    [
      'a body and its entry in another shard',
      `with moved as (delete from bodies where index = 4 returning index, body), entry as (update entries set class = 'custody' where index = 4)
       insert into bodies select 'custody', index, body from moved`,
      'column_altered',
    ],
    [
      'a second body at a position',
      `insert into bodies select 'operation', index, body from bodies where index = 4`,
      'body_unexpected',
    ],
    [
      'a record that would be found at another time',
      'update entries set recorded_at = recorded_at - 1 where index = 4',
      'column_altered',
    ],
  ])('names %s', async (_, sql, reason) => {
    const log = await rig.open();
    await Promise.all(drafts(10).map((record) => log.append(record)));
    expect(await log.verify()).toMatchObject({ ok: true });
    await rig.tamper(sql);
    expect(await log.verify()).toMatchObject({ ok: false, reason, index: 4n });
  });
});

describe('a log from before records were numbered', () => {
  const start = Date.parse('2026-11-20T09:00:00Z');
  const old = Array.from({ length: 6 }, (_, position) => ({
    ...draft({ address: '192.0.2.7', data: { n: position } }),
    id: newId('record', { clock: { now: () => start }, random: { bytes: (size) => Buffer.alloc(size, position) } }),
  }));

  /** Rows as they were written then: the bytes in the entry itself, with neither class nor time beside them. */
  async function openUnnumberedLog(): Promise<RunningAuditLog> {
    for (const [index, record] of old.entries()) {
      const { reason, data, address, ...rest } = record;
      const text = JSON.stringify({ v: 1, time: toInstant(start + index * 1_000), ...rest, reason, data, address });
      await rig.tamper('insert into entries (index, record_id, type, leaf_hash, entry) values ($1, $2, $3, $4, $5)', [
        index,
        record.id,
        record.type,
        hashLeaf(Buffer.from(text)),
        Buffer.from(text),
      ]);
    }
    // As the migration that introduced the seals left it.
    await rig.tamper('update unsealed_entries set before = $1', [old.length]);
    return rig.open();
  }

  it('continues, is read and is verified as one log', async () => {
    const log = await openUnnumberedLog();
    await Promise.all(drafts(300).map((record) => log.append(record)));
    // Records from before the seals are evidence but grant no authority.
    expect((await log.search({ type: 'access.refused' })).map(({ record }) => record.v)).toEqual(
      Array<number>(300).fill(2),
    );
    expect(await log.find(old[0]?.id ?? newRecordId())).toBeUndefined();
    const found = await log.queryLeaves({ types: ['access.refused'] });
    expect(found.map(({ record }) => record.v)).toEqual([...old.map(() => 1), ...Array<number>(300).fill(2)]);
    expect(found[0]?.record).toMatchObject({ address: '192.0.2.7', data: { n: 0 } });
    expect(await log.verify()).toMatchObject({ ok: true });
    expect(await log.entryBundle({ index: 0n, width: 256 })).toBeDefined();
  });

  it('finds its records by time, old and new', async () => {
    const log = await openUnnumberedLog();
    await log.append(draft());
    const types = ['access.refused'] as const;
    expect(await log.count({ types, from: start + 2_000, until: start + 4_000 })).toBe(2);
    expect(await log.count({ types, from: start + 5_001 })).toBe(1);
  });

  it('answers an old draft with its first receipt, and another under its id with a refusal', async () => {
    const log = await openUnnumberedLog();
    const again = old[2] ?? draft();
    expect(await log.append(again)).toEqual({ id: again.id, index: 2n, time: toInstant(start + 2_000) });
    const other = await log.append({ ...again, data: { n: 99 } }).catch((error: unknown) => error);
    expect(isCodedError(other, 'record_identity_taken')).toBe(true);
  });

  it('has no stream to monitor before the first one that was opened', async () => {
    const log = await openUnnumberedLog();
    await log.watchStreams();
    expect(await log.search({ type: 'source.alarm' })).toEqual([]);
  });
});
