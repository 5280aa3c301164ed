import { type RecordDraft, recordIdOfCommand } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import {
  Frontier,
  hashLeaf,
  parseVerifierKey,
  verifyCheckpoint,
  verifyConsistency,
  verifyInclusion,
} from '@countersign/merkle-log';
import { codeOf, createFaultyProxy, createMemorySigner } from '@countersign/testkit';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningAuditLog } from './index.ts';
import { createRig, draft, drafts, firstPlace, newRecordId, newTransaction, type Rig } from './testing/rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

function opened(log: RunningAuditLog, note: string) {
  const key = parseVerifierKey(log.verifierKey());
  if (!key.ok) throw new Error(key.reason);
  const verdict = verifyCheckpoint({ signedNote: note, origin: 'log.example/test', logKeys: [key.key] });
  if (!verdict.ok) throw new Error(verdict.reason);
  return verdict.checkpoint;
}

/** Every leaf as the database holds it. */
async function leaves(): Promise<readonly Buffer[]> {
  const { rows } = await rig.tamper(
    'select index, coalesce(entry, (select body from bodies where bodies.index = entries.index)) as entry from entries order by index',
  );
  expect(rows.map((row: { index: string }) => Number(row.index))).toEqual(rows.map((_, index) => index));
  return rows.map((row: { entry: Buffer }) => row.entry);
}

/** The position of the test's own record, counted from 0, in a log that was opened once. */
function at(own: number): bigint {
  return BigInt(firstPlace + own);
}

/** The origin that this log wrote into the record with this number of its stream. */
async function originOf(log: RunningAuditLog, number: number) {
  const [opening] = await log.search({ type: 'source.opened' });
  const [measurement] = await log.search({ type: 'clock.measured' });
  return { v: 2, stream: opening?.record.stream, number, clock: measurement?.record.id };
}

/** The next key of the log is published on record, and its time has come. */
async function rotateKey(log: RunningAuditLog): Promise<void> {
  await rig.signer.rotate('log-checkpoint', async ({ kid, purpose, algorithm, jwk }) => {
    const data = { purpose, kid, algorithm, jwk: { ...jwk } };
    const id = recordIdOfCommand({ published: kid });
    await log.append({ id, type: 'key.published', source: 'authorization-server', outcome: 'done', data });
  });
  rig.signer.activate('log-checkpoint');
}

/** Rows of the log that the single connection of this pool has read. */
async function rowsReadBy(pool: pg.Pool): Promise<number> {
  await pool.query('select pg_stat_force_next_flush()');
  const { rows } = await pool.query<{ read: string }>(
    `select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) as read from pg_stat_user_tables where relname = 'entries'`,
  );
  return Number(rows[0]?.read);
}

describe('appending', () => {
  it('opens a new log with a record of its key', async () => {
    const log = await rig.open();
    const [first] = await log.search({ type: 'log.opened' });
    expect(first).toMatchObject({
      index: 1n,
      record: { v: 2, type: 'log.opened', data: { origin: 'log.example/test', verifier_key: log.verifierKey() } },
    });
    expect(await log.verify()).toMatchObject({ ok: true, size: 3n });
  });

  it('opens it only once, however many nodes open it together and whenever it is opened again', async () => {
    const logs = await Promise.all([rig.open(), rig.open(), rig.open()]);
    await rig.open();
    expect(await logs[0]?.search({ type: 'log.opened' })).toHaveLength(1);
  });

  it('answers with position and time, and the record can be found by its id', async () => {
    const log = await rig.open();
    const transaction = newTransaction();
    const written = draft({
      transaction,
      references: [newRecordId()],
      data: { umlaut: 'Zürich 株式 🏦', nested: [1, null, { a: true }] },
    });
    const receipt = await log.append(written);
    expect(receipt).toEqual({ id: written.id, index: at(0), time: '2026-11-21T09:30:00.000Z' });
    const found = { index: at(0), record: { ...(await originOf(log, 4)), time: receipt.time, ...written } };
    expect(await log.find(written.id)).toEqual(found);
    expect(await log.find(newRecordId())).toBeUndefined();
    expect(await log.search({ transaction })).toEqual([found]);
  });

  it('gives each concurrent caller a position of its own, in order of arrival, without gaps', async () => {
    const log = await rig.open();
    const written = drafts(2_000);
    const receipts = await Promise.all(written.map((record) => log.append(record)));
    expect(receipts.map(({ index }) => index)).toEqual(written.map((_, index) => at(index)));
    expect(await log.verify()).toMatchObject({ ok: true, size: at(2_000) });
  });

  it('never lets time go backwards, whatever the clock does', async () => {
    const log = await rig.open();
    const before = await log.append(draft());
    rig.clock.advance(-3_600_000);
    expect((await log.append(draft())).time).toBe(before.time);
    const again = await rig.open();
    expect((await again.append(draft())).time).toBe(before.time);
  });

  it('answers the same draft with the first receipt: immediately, later, and after a restart', async () => {
    const log = await rig.open();
    const written = draft();
    const [first, twin] = await Promise.all([log.append(written), log.append({ ...written })]);
    expect(twin).toEqual(first);
    rig.clock.advance(1_000);
    expect(await log.append(written)).toEqual(first);
    expect(await (await rig.open()).append(written)).toEqual(first);
    expect(await log.search({ type: written.type })).toHaveLength(1);
  });

  it('refuses another record under a used id, and only that one', async () => {
    const log = await rig.open();
    const written = draft();
    await log.append(written);
    const other: RecordDraft = { ...written, reason: 'another' };
    const fresh = drafts(3);
    const outcomes = await Promise.all([
      codeOf(log.append(other)),
      ...fresh.map((record) => codeOf(log.append(record))),
    ]);
    expect(outcomes).toEqual([
      'record_identity_taken',
      'nothing was refused',
      'nothing was refused',
      'nothing was refused',
    ]);
    const twins = draft();
    expect(await Promise.all([codeOf(log.append(twins)), codeOf(log.append({ ...twins, reason: 'another' }))])).toEqual(
      ['nothing was refused', 'record_identity_taken'],
    );
    expect(await log.verify()).toMatchObject({ ok: true, size: at(5) });
  });

  it('refuses a record that is too large, and only that one', async () => {
    const log = await rig.open();
    const origin = await originOf(log, 4);
    const sized = (bytes: number): RecordDraft => {
      const empty = draft({ data: '' });
      const time = '2026-11-21T09:30:00.000Z';
      const room = bytes - JSON.stringify({ ...origin, time, ...empty }).length;
      return { ...empty, data: 'x'.repeat(room) };
    };
    const outcomes = await Promise.all(
      // There is room for a number of 16 digits; this one has one digit.
      [sized(65_520), sized(65_521), draft({ data: 'ü'.repeat(40_000) }), draft()].map((record) =>
        codeOf(log.append(record)),
      ),
    );
    expect(outcomes).toEqual(['nothing was refused', 'record_too_large', 'record_too_large', 'nothing was refused']);
    expect(Math.max(...(await leaves()).map((leaf) => leaf.length))).toBe(65_520);
    expect(await log.verify()).toMatchObject({ ok: true, size: at(2) });
  });

  it('refuses text that no reader of the evidence could hash, and accepts text that only looks like it', async () => {
    const log = await rig.open();
    expect(await codeOf(log.append(draft({ data: '\ud800' })))).toBe('not_canonicalizable');
    expect(await codeOf(log.append(draft({ data: '\\ud800' })))).toBe('nothing was refused');
  });

  it('refuses a draft that sets fields reserved for the log or would corrupt its columns', async () => {
    const log = await rig.open();
    const forged = { ...draft(), time: '2020-01-01T00:00:00.000Z' };
    await expect(log.append(forged)).rejects.toThrow('set by the log');
    await expect(log.append({ ...draft(), id: 'rec_a,rec_b' as never })).rejects.toThrow('does not have the id');
  });
});

describe('searching', () => {
  const followed = ['grant.revoked', 'token.revoked', 'mandate.suspended'] as const;

  it('finds records of several types, in log order, from a position on', async () => {
    const log = await rig.open();
    const transaction = newTransaction();
    const types = ['grant.revoked', 'access.refused', 'token.revoked', 'token.revoked', 'token.issued'] as const;
    for (const type of types) await log.append(draft({ type, transaction }));
    await log.append(draft({ type: 'token.revoked' }));
    const placesOf = async (query: Parameters<RunningAuditLog['search']>[0]) =>
      (await log.search(query)).map(({ index }) => Number(index) - firstPlace + 1);
    expect(await placesOf({ types: followed })).toEqual([1, 3, 4, 6]);
    expect(await placesOf({ types: followed, after: at(0) })).toEqual([3, 4, 6]);
    expect(await placesOf({ types: followed, limit: 2 })).toEqual([1, 3]);
    expect(await placesOf({ types: followed, transaction })).toEqual([1, 3, 4]);
    expect(await placesOf({ types: ['token.revoked', 'token.revoked'] })).toEqual([3, 4, 6]);
    expect(await placesOf({ type: 'token.revoked' })).toEqual([3, 4, 6]);
    expect(await placesOf({ types: [] })).toEqual([]);
    expect(await placesOf({ types: followed, after: at(5) })).toEqual([]);
  });

  it('accepts one type or several types, not both', async () => {
    const log = await rig.open();
    await expect(log.search({ type: 'token.revoked', types: ['token.revoked'] })).rejects.toThrow(/not both/);
  });

  it('costs a reader of rare types only their new records, not the size of the log', async () => {
    const pool = rig.pool({ maxConnections: 1 });
    const log = await rig.open({ pool });
    for (const type of ['access.refused', 'grant.revoked', 'access.refused'] as const)
      await Promise.all(drafts(2_500, { type }).map((record) => log.append(record)));
    await rig.tamper('analyze');
    const before = await rowsReadBy(pool);
    // All records of the followed types are already read, and 2,500 records of other types lie ahead.
    for (let polls = 0; polls < 5; polls++) expect(await log.search({ types: followed, after: at(4_999) })).toEqual([]);
    await log.append(draft({ type: 'token.revoked' }));
    expect(await log.search({ types: followed, after: at(4_999) })).toHaveLength(1);
    expect((await rowsReadBy(pool)) - before).toBeLessThan(10);
  });
});

describe('scanning', () => {
  const decided = ['decision.made', 'token.issued'] as const;
  const nine = Date.parse('2026-11-21T09:30:00Z');
  const everySecond = ['decision.made', 'access.refused', 'token.issued', 'decision.made', 'token.issued'] as const;

  /** Records of seconds 1 to 5; positions are counted from the first of them as 1. */
  async function ofFiveSeconds(): Promise<RunningAuditLog> {
    const log = await rig.open();
    for (const type of everySecond) {
      rig.clock.advance(1_000);
      await log.append(draft({ type, data: { word: 'Zürich 株式' } }));
    }
    return log;
  }
  const placesIn = (found: readonly { readonly index: bigint }[]) =>
    found.map(({ index }) => Number(index) - firstPlace + 1);

  it('returns the hashed bytes as text, for the requested types, in log order', async () => {
    const log = await ofFiveSeconds();
    const found = await log.scan({ types: decided, limit: 10 });
    expect(placesIn(found)).toEqual([1, 3, 4, 5]);
    const hashed = await leaves();
    expect(found.map(({ text }) => text)).toEqual(found.map(({ index }) => hashed[Number(index)]?.toString()));
    expect(await log.count({ types: decided })).toBe(4);
  });

  it('continues from a position, a page at a time, until the end', async () => {
    const log = await ofFiveSeconds();
    expect(placesIn(await log.scan({ types: decided, limit: 2 }))).toEqual([1, 3]);
    expect(placesIn(await log.scan({ types: decided, after: at(2), limit: 2 }))).toEqual([4, 5]);
    expect(await log.scan({ types: decided, after: at(4), limit: 2 })).toEqual([]);
    expect(placesIn(await log.scan({ types: ['decision.made', 'decision.made'], limit: 9 }))).toEqual([1, 4]);
    expect(await log.scan({ types: [], limit: 9 })).toEqual([]);
    expect(await log.count({ types: [] })).toBe(0);
  });

  it.each([
    ['from the time of a record on', { from: 3_000 }, [3, 4, 5]],
    ['from between two records on', { from: 2_001 }, [3, 4, 5]],
    ['from before the log began', { from: -86_400_000 }, [1, 3, 4, 5]],
    ['from after its end', { from: 5_001 }, []],
    ['until the time of a record, without it', { until: 4_000 }, [1, 3]],
    ['until after its end', { until: 86_400_000 }, [1, 3, 4, 5]],
    ['until before the log began', { until: -1 }, []],
    ['within a time', { from: 1_001, until: 5_000 }, [3, 4]],
    ['within no time', { from: 4_000, until: 4_000 }, []],
    ['within a time that ends before it begins', { from: 5_000, until: 1_000 }, []],
    ['from a time and after a position, whichever is later', { from: 2_000, after: 4 }, [5]],
    ['from a time and after an earlier position', { from: 4_000, after: 1 }, [4, 5]],
  ])('respects a time range: %s', async (_, { from, until, after }: Range, places) => {
    const log = await ofFiveSeconds();
    const range = {
      types: decided,
      ...(from === undefined ? {} : { from: nine + from }),
      ...(until === undefined ? {} : { until: nine + until }),
    };
    const behind = after === undefined ? {} : { after: at(after - 1) };
    expect(placesIn(await log.scan({ ...range, ...behind, limit: 10 }))).toEqual(places);
    if (after === undefined) expect(await log.count(range)).toBe(places.length);
  });

  it('finds a time among many records of the same millisecond', async () => {
    const log = await rig.open();
    for (let second = 0; second < 4; second++) {
      rig.clock.advance(1_000);
      await Promise.all(drafts(50, { type: 'decision.made' }).map((record) => log.append(record)));
    }
    const range = { types: decided, from: nine + 2_000, until: nine + 4_000 };
    expect(placesIn(await log.scan({ ...range, limit: 1_000 }))).toEqual(Array.from({ length: 100 }, (_, n) => n + 51));
    expect(await log.count(range)).toBe(100);
  });

  it('reads only the records of a page, however large the log', async () => {
    const pool = rig.pool({ maxConnections: 1 });
    const log = await rig.open({ pool });
    for (const type of ['access.refused', 'decision.made', 'token.issued'] as const)
      await Promise.all(drafts(1_500, { type }).map((record) => log.append(record)));
    await rig.tamper('analyze');
    const before = await rowsReadBy(pool);
    expect(await log.scan({ types: decided, after: 2_000n, limit: 10 })).toHaveLength(10);
    expect(await log.scan({ types: decided, after: 4_000n, from: nine, until: nine + 1, limit: 10 })).toHaveLength(10);
    // The positions of both types and the records of the page, twice, and the rows that show the times.
    expect((await rowsReadBy(pool)) - before).toBeLessThan(120);
  });

  it('reports a missing row that would have shown the time', async () => {
    const log = await ofFiveSeconds();
    await rig.tamper(`delete from entries where index = ${at(0)}`);
    expect(await codeOf(log.scan({ types: decided, from: nine + 1_000, limit: 10 }))).toBe('log_inconsistent');
  });
});

interface Range {
  readonly from?: number;
  readonly until?: number;
  readonly after?: number;
}

describe('the tree', () => {
  it('is the tree of RFC 6962 over the records, at every tile boundary, and is restored from its rows', async () => {
    // Grown alternately by a newly opened log, which writes two records itself, and by one whose memory is behind the rows.
    const first = await rig.open();
    const steps = [
      [254, 'first'],
      [256, 'fresh'],
      [258, 'fresh'],
      [259, 'first'],
      [511, 'first'],
      [513, 'fresh'],
      [515, 'fresh'],
      [767, 'first'],
      [768, 'first'],
      [770, 'fresh'],
    ] as const;
    for (const [size, by] of steps) {
      const log = by === 'first' ? first : await rig.open();
      const missing = size - (await leaves()).length;
      await Promise.all(drafts(missing).map((record) => log.append(record)));
      const root = Frontier.empty.append((await leaves()).map((leaf) => hashLeaf(leaf))).root();
      expect(opened(log, await log.checkpoint())).toMatchObject({ size: BigInt(size), root });
      expect(await first.verify()).toEqual({ ok: true, size: BigInt(size), root: root.toString('base64') });
    }
  });

  it('grows past the second level of tiles', { timeout: 120_000 }, async () => {
    const log = await rig.open();
    const append = async (count: number): Promise<void> => {
      await Promise.all(drafts(count).map((record) => log.append(record)));
    };
    for (let done = firstPlace; done < 65_535; ) {
      const count = Math.min(5_000, 65_535 - done);
      await append(count);
      done += count;
    }
    const early = opened(log, await log.checkpoint());
    expect(early.size).toBe(65_535n);
    await append(2);
    const { rows } = await rig.tamper('select level, count(*)::int as count from tiles group by level order by level');
    expect(rows).toEqual([
      { level: 0, count: 256 },
      { level: 1, count: 1 },
    ]);
    const restarted = await rig.open();
    await restarted.append(draft());
    const late = opened(log, await log.checkpoint());
    expect(late.size).toBe(65_540n);
    expect(late.root).toEqual(Frontier.empty.append((await leaves()).map((leaf) => hashLeaf(leaf))).root());
    const proof = await log.proveConsistency(early.size, late.size);
    expect(
      verifyConsistency({ from: early.size, to: late.size, fromRoot: early.root, toRoot: late.root, proof }),
    ).toEqual({ ok: true });
    for (const index of [0n, 255n, 256n, 65_535n, 65_536n, 65_539n]) {
      const [leaf] = (await rig.tamper('select body from bodies where index = $1', [index.toString()])).rows as {
        body: Buffer;
      }[];
      const inclusion = await log.proveInclusion(index, late.size);
      expect(
        verifyInclusion({
          index,
          size: late.size,
          leafHash: hashLeaf(leaf?.body ?? Buffer.alloc(0)),
          proof: inclusion,
          root: late.root,
        }),
      ).toEqual({ ok: true });
    }
    const seen: bigint[] = [];
    expect(await log.verify((done) => seen.push(done))).toMatchObject({ ok: true, size: 65_540n });
    expect(seen.at(-1)).toBe(65_540n);
  });

  it('proves nothing about a size it has not reached', async () => {
    const log = await rig.open();
    expect(await codeOf(log.proveInclusion(0n, 4n))).toBe('proof_out_of_range');
    expect(await codeOf(log.proveConsistency(1n, 4n))).toBe('proof_out_of_range');
    expect(await codeOf(log.proveInclusion(1n, 1n))).toBe('proof_out_of_range');
  });
});

describe('checkpoints', () => {
  it('cover every record whose append resolved before the call', async () => {
    const log = await rig.open();
    await Promise.all(
      drafts(100).map(async (record) => {
        const { index } = await log.append(record);
        expect(opened(log, await log.checkpoint()).size).toBeGreaterThan(index);
      }),
    );
  });

  it('cover records that another node appended', async () => {
    const [one, other] = [await rig.open(), await rig.open()];
    const { index } = await other.append(draft());
    expect(opened(one, await one.checkpoint()).size).toBe(index + 1n);
  });

  it('are signed once per size', async () => {
    const log = await rig.open();
    const note = await log.checkpoint();
    expect(await log.checkpoint()).toBe(note);
    const other = await rig.open();
    const grown = await other.checkpoint();
    expect(await log.checkpoint()).toBe(grown);
  });

  it('are signed periodically while the log grows', async () => {
    const log = await rig.open({ checkpointEveryMs: 10 });
    await log.append(draft());
    await expect
      .poll(async () => (await rig.tamper('select max(size)::int as size from checkpoints')).rows[0], {
        timeout: 60_000,
      })
      .toEqual({ size: 4 });
  });

  it('continue with a new key, and notes of the old key stay valid', async () => {
    const log = await rig.open();
    const before = await log.checkpoint();
    const oldKey = log.verifierKey();
    await rotateKey(log);
    const after = await log.checkpoint();
    expect(log.verifierKey()).not.toBe(oldKey);
    // The publication of the key, and the record by which it takes over.
    expect(opened(log, after).size).toBe(5n);
    await log.append(draft());
    expect(opened(log, await log.checkpoint()).size).toBe(6n);
    expect(before).not.toBe(after);
    expect(await log.verify()).toMatchObject({ ok: true });
    await rig.open();
  });

  it('are not signed for a truncated log, which does not start', async () => {
    const log = await rig.open();
    await Promise.all(drafts(10).map((record) => log.append(record)));
    await log.checkpoint();
    await rig.tamper('delete from entries where index > 5');
    expect(await codeOf(log.checkpoint())).toBe('log_inconsistent');
    expect(await codeOf(rig.open())).toBe('log_inconsistent');
  });

  it('are not signed for a rewritten log, which does not start', async () => {
    const log = await rig.open();
    await Promise.all(drafts(300).map((record) => log.append(record)));
    await log.checkpoint();
    await rig.tamper('update entries set leaf_hash = $1 where index = 290', [Buffer.alloc(32, 1)]);
    await log.append(draft());
    expect(await codeOf(log.checkpoint())).toBe('log_inconsistent');
    expect(await codeOf(rig.open())).toBe('log_inconsistent');
    await rig.tamper('delete from tiles');
    expect(await codeOf(rig.open())).toBe('log_inconsistent');
  });

  it('are not signed if a signed one is missing or replaced', async () => {
    const log = await rig.open();
    const first = await log.checkpoint();
    await log.append(draft());
    await log.checkpoint();
    await rig.tamper('update checkpoints set note = $1 where size = 4', [first]);
    expect(await codeOf(log.checkpoint())).toBe('log_inconsistent');
    expect(await codeOf(rig.open())).toBe('log_inconsistent');
    await rig.tamper('delete from checkpoints where size = 4');
    expect(await codeOf(log.checkpoint())).toBe('log_inconsistent');
  });

  it('signed with another key prevent the start', async () => {
    await (await rig.open()).checkpoint();
    await expect(rig.open({ signer: createMemorySigner() })).rejects.toThrow('not signed by a key this log holds');
  });
});

describe('two sequencers on one database', () => {
  it('lose no acknowledged record, duplicate none, and leave no gap', async () => {
    const logs = await Promise.all([rig.open(), rig.open()]);
    const appended = await Promise.all(
      logs.flatMap((log) =>
        drafts(500).map(async (record, position) => {
          // Spread over many batches, so that the two sequencers keep colliding.
          for (let turn = 0; turn < position % 25; turn++) await new Promise((resolve) => setImmediate(resolve));
          return log.append(record);
        }),
      ),
    );
    const stored = (await leaves()).map((leaf) => (JSON.parse(leaf.toString()) as { id: string }).id);
    // Two streams, two measurements of clocks, one opening.
    expect(stored).toHaveLength(1_005);
    expect(new Set(stored).size).toBe(1_005);
    for (const { id, index } of appended) expect(stored[Number(index)]).toBe(id);
    for (const log of logs) expect(await log.verify()).toMatchObject({ ok: true, size: 1_005n });
  });
});

describe('a database that fails', () => {
  async function behindProxy() {
    const proxy = await createFaultyProxy({ target: rig.scratch.connection });
    const database = { ...rig.scratch.database, connection: proxy.through(rig.scratch.connection) };
    const pool = rig.pool({ database, statementTimeoutMs: 5_000, connectTimeoutMs: 10_000 });
    const log = await rig.open({ pool });
    return { proxy, log };
  }

  it('makes the log unavailable, and available again by itself', async () => {
    const { proxy, log } = await behindProxy();
    await log.append(draft());
    await proxy.refuse();
    expect(await Promise.all(drafts(20).map((record) => codeOf(log.append(record))))).toEqual(
      Array(20).fill('log_unavailable'),
    );
    expect(await codeOf(log.checkpoint())).toBe('log_unavailable');
    expect(await codeOf(log.find(newRecordId()))).toBe('log_unavailable');
    await proxy.restore();
    expect(await log.append(draft())).toMatchObject({ index: at(1) });
    expect(await log.verify()).toMatchObject({ ok: true, size: at(2) });
    await proxy.close();
  });

  it('loses no record when its connections break repeatedly', async () => {
    const { proxy, log } = await behindProxy();
    const acknowledged: { readonly id: string; readonly index: bigint }[] = [];
    for (let round = 0; round < 15; round++) {
      const batch = drafts(20).map((record) =>
        log.append(record).then(
          (receipt) => void acknowledged.push(receipt),
          (error: unknown) => expect(isCodedError(error, 'log_unavailable')).toBe(true),
        ),
      );
      for (let turn = 0; turn < round; turn++) await new Promise((resolve) => setImmediate(resolve));
      proxy.cut();
      await Promise.all(batch);
    }
    const stored = (await leaves()).map((leaf) => (JSON.parse(leaf.toString()) as { id: string }).id);
    expect(new Set(stored).size).toBe(stored.length);
    for (const { id, index } of acknowledged) expect(stored[Number(index)]).toBe(id);
    expect(await log.verify()).toMatchObject({ ok: true });
    await proxy.close();
  });

  it('is asked for the outcome of a commit whose answer was lost, so that the record is stored once', async () => {
    const { proxy, log } = await behindProxy();
    await log.append(draft());
    const written = draft();
    proxy.loseAnswers();
    const appending = log.append(written);
    await expect
      .poll(async () => (await rig.tamper('select count(*)::int as count from entries')).rows[0], { timeout: 60_000 })
      .toEqual({ count: 5 });
    await proxy.restore();
    const receipt = await appending;
    expect(receipt.index).toBe(at(1));
    expect(await log.append(written)).toEqual(receipt);
    expect(await leaves()).toHaveLength(5);
    await proxy.close();
  });

  it('accepts no update or deletion from a role that may only insert and read', async () => {
    const log = await rig.open();
    await log.append(draft());
    const pool = rig.pool();
    for (const statement of [
      "update entries set type = 'x'",
      'delete from entries',
      'truncate entries',
      'update tiles set level = 1',
      'delete from checkpoints',
      'drop table entries',
      'alter table entries disable trigger all',
    ])
      await expect(pool.query(statement), statement).rejects.toThrow(/permission denied|must be owner/);
  });

  it('accepts none from its owner either, unless the triggers are removed', async () => {
    await rig.open();
    const client = new pg.Client(rig.scratch.connection);
    await client.connect();
    for (const statement of [
      "update audit_log.entries set type = 'x'",
      'delete from audit_log.tiles',
      'truncate audit_log.checkpoints',
    ])
      await expect(client.query(statement)).rejects.toThrow('append-only');
    await client.end();
  });
});

describe('verifying the log', () => {
  async function grown(): Promise<RunningAuditLog> {
    const log = await rig.open();
    await Promise.all(drafts(300, { transaction: newTransaction() }).map((record) => log.append(record)));
    await log.checkpoint();
    return log;
  }

  const deniedToDone =
    "update bodies set body = convert_to(replace(convert_from(body, 'UTF8'), 'deny', 'done'), 'UTF8')";

  it.each([
    ['an entry that was changed', `${deniedToDone} where index = 7`, 'entry_altered', 7n],
    [
      'an entry that was changed together with its hash',
      `with altered as (${deniedToDone} where index = 7 returning index, body)
       update entries set leaf_hash = sha256('\\x00'::bytea || altered.body) from altered where entries.index = altered.index`,
      'tile_altered',
      255n,
    ],
    [
      'an entry behind the last tile that was changed together with its hash',
      `with altered as (${deniedToDone} where index = 290 returning index, body)
       update entries set leaf_hash = sha256('\\x00'::bytea || altered.body) from altered where entries.index = altered.index`,
      'entry_altered',
      302n,
    ],
    [
      'a leaf hash that was changed',
      "update entries set leaf_hash = '\\x0000000000000000000000000000000000000000000000000000000000000000' where index = 290",
      'entry_altered',
      290n,
    ],
    ['an entry that is gone', 'delete from entries where index = 42', 'entry_missing', 42n],
    ['an end that is gone', 'delete from entries where index > 280', 'entry_missing', 281n],
    [
      'a record that would be found under another transaction',
      'update entries set transaction = null where index = 9',
      'column_altered',
      9n,
    ],
    [
      'a record that would be found under another id',
      "update entries set record_id = 'rec_x' where index = 9",
      'column_altered',
      9n,
    ],
    [
      'a tile that was changed',
      'update tiles set hashes = set_byte(hashes, 99, get_byte(hashes, 99) # 1) where level = 0',
      'tile_altered',
      255n,
    ],
    [
      'a tile whose root was changed',
      "update tiles set root = '\\x0000000000000000000000000000000000000000000000000000000000000000'",
      'tile_altered',
      255n,
    ],
    ['a tile that is gone', 'delete from tiles', 'tile_missing', 255n],
    [
      'a tile too many',
      'insert into tiles (level, index, hashes, root) select level, 1, hashes, root from tiles',
      'tile_unexpected',
      303n,
    ],
    [
      'a checkpoint that was changed',
      "update checkpoints set note = replace(note, chr(10) || '303', chr(10) || '302')",
      'checkpoint_altered',
      302n,
    ],
    [
      'a checkpoint of more entries than there are',
      "insert into checkpoints (size, key_id, note) values (400, 'x', 'x')",
      'checkpoint_unexpected',
      303n,
    ],
  ])('names %s', async (_, sql, reason, index) => {
    const log = await grown();
    expect(await log.verify()).toMatchObject({ ok: true, size: 303n });
    const { rowCount } = await rig.tamper(sql);
    expect(rowCount).toBeGreaterThan(0);
    expect(await log.verify()).toMatchObject({ ok: false, reason, index });
  });
});
