import type { EvidenceQuery, RecordDraft } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningAuditLog } from '../index.ts';
import { createRig, draft, drafts, newMandate, newTransaction, type Rig } from '../testing/rig.ts';
import { matches, termNumber } from './record-terms.ts';

let rig: Rig;
let log: RunningAuditLog;
beforeEach(async () => {
  rig = await createRig();
  log = await rig.open();
});
afterEach(() => rig.close());

const placesOf = async (query: EvidenceQuery, from: RunningAuditLog = log) =>
  (await from.query(query)).map(({ index }) => Number(index));

async function append(members: Partial<RecordDraft>): Promise<number> {
  return Number((await log.append(draft(members))).index);
}

describe('searching evidence by party or object', () => {
  it('finds a person as subject, as actor and as approver, and no longer name', async () => {
    const anna = 'person:anna';
    const found = [
      await append({ subject: { id: anna, institution: 'LEI-A' } }),
      await append({ subject: { id: 'person:boris' }, actors: [{ id: 'service:oms' }, { id: anna }] }),
      await append({ type: 'approval.given', subject: { id: anna } }),
    ];
    await append({ subject: { id: 'person:anna.keller' } });
    await append({ data: { subject: anna } });
    expect(await placesOf({ person: anna })).toEqual(found);
    expect(await placesOf({ person: 'person:nobody' })).toEqual([]);
  });

  it('finds by agent, by client, by institution and by partner', async () => {
    const agent = await append({ actors: [{ id: 'agent:vwap-1', institution: 'LEI-A' }] });
    const client = await append({ client: 'oms', subject: { id: 'service:oms', institution: 'LEI-B' } });
    const partner = await append({ partner: 'LEI-C' });
    const profile = await append({
      type: 'partner.profile-registered',
      data: { profile: { institution: 'LEI-C', issuer: 'https://idp.example' } },
    });
    expect(await placesOf({ agent: 'agent:vwap-1' })).toEqual([agent]);
    expect(await placesOf({ client: 'oms' })).toEqual([client]);
    expect(await placesOf({ institution: 'LEI-A' })).toEqual([agent]);
    expect(await placesOf({ institution: 'LEI-B' })).toEqual([client]);
    expect(await placesOf({ partner: 'LEI-C' })).toEqual([partner, profile]);
    expect(await placesOf({ partner: 'LEI-B' })).toEqual([]);
  });

  it('finds a mandate by its use, its own records and its sub-mandates, with its parties', async () => {
    const mandate = newMandate();
    const cut = newMandate();
    const lives = await append({
      type: 'mandate.accepted',
      data: { mandate: { id: mandate, version: 2, grantor: { lei: 'LEI-A' }, grantee: { lei: 'LEI-B' } } },
    });
    const child = await append({
      type: 'mandate.proposed',
      data: { mandate: { id: cut, version: 1, parent: { id: mandate, version: 2 }, thirdParty: { lei: 'LEI-D' } } },
    });
    const used = await append({ mandate: { id: mandate, version: 2 } });
    expect(await placesOf({ mandate })).toEqual([lives, child, used]);
    expect(await placesOf({ mandate: cut })).toEqual([child]);
    expect(await placesOf({ partner: 'LEI-B' })).toEqual([lives]);
    expect(await placesOf({ partner: 'LEI-D' })).toEqual([child]);
  });

  it('finds a decision and the records that refer to it', async () => {
    const decision = await log.append(draft({ type: 'decision.made' }));
    await append({ type: 'decision.made' });
    const resting = await append({ type: 'transaction.transitioned', references: [decision.id] });
    expect(await placesOf({ decision: decision.id })).toEqual([Number(decision.index), resting]);
    expect(await placesOf({ decision: decision.id, types: ['decision.made'] })).toEqual([Number(decision.index)]);
    expect(await placesOf({ decision: decision.id, after: decision.index })).toEqual([resting]);
  });

  it('finds by time: from one moment, and before another', async () => {
    const times: number[] = [];
    const places: number[] = [];
    for (let hour = 0; hour < 5; hour++) {
      rig.clock.advance(3_600_000);
      times.push(rig.clock.now());
      places.push(await append({ client: 'oms' }));
    }
    const [first = 0, second = 0, , fourth = 0, fifth = 0] = times;
    expect(await placesOf({ from: second, until: fourth })).toEqual(places.slice(1, 3));
    expect(await placesOf({ client: 'oms', from: fourth })).toEqual(places.slice(3));
    expect(await placesOf({ client: 'oms', until: first })).toEqual([]);
    expect(await placesOf({ from: fifth + 1 })).toEqual([]);
  });

  it('combines all filters, a page at a time', async () => {
    const transaction = newTransaction();
    const wanted: number[] = [];
    for (let round = 0; round < 40; round++) {
      await append({ client: 'oms', subject: { id: 'person:anna' } });
      await append({ transaction, client: 'ems', subject: { id: 'person:anna' } });
      wanted.push(
        await append({
          type: 'token.issued',
          transaction,
          client: 'oms',
          subject: { id: 'person:anna', institution: 'L' },
        }),
      );
      await append({
        type: 'token.refused',
        transaction,
        client: 'oms',
        subject: { id: 'person:boris', institution: 'L' },
      });
    }
    const query: EvidenceQuery = {
      transaction,
      client: 'oms',
      person: 'person:anna',
      institution: 'L',
      types: ['token.issued'],
    };
    expect(await placesOf(query)).toEqual(wanted);
    const [, , third = 0] = wanted;
    expect(await placesOf({ ...query, after: BigInt(third), limit: 2 })).toEqual(wanted.slice(3, 5));
    expect(await placesOf({ ...query, limit: 0 })).toEqual([]);
    expect(await placesOf({ ...query, types: [] })).toEqual([]);
    expect(await placesOf({ transaction, types: ['token.issued', 'token.refused'], limit: 3 })).toHaveLength(3);
  });

  it('agrees with reading the whole log, for all filters', async () => {
    const people = ['person:a', 'person:b', 'service:c'];
    const transactions = [newTransaction(), newTransaction()];
    const types = ['token.issued', 'decision.made', 'access.refused'] as const;
    const pick = <Item>(items: readonly Item[], by: number): Item | undefined => items[by % (items.length + 1)];
    const members = Array.from({ length: 300 }, (_, number): Partial<RecordDraft> => {
      const [person, actor, transaction] = [
        pick(people, number),
        pick(people, number * 7 + 1),
        pick(transactions, number * 5),
      ];
      return {
        type: types[number % 3] ?? 'access.refused',
        ...(person === undefined ? {} : { subject: { id: person, institution: `L${number % 4}` } }),
        ...(actor === undefined ? {} : { actors: [{ id: actor }] }),
        ...(transaction === undefined ? {} : { transaction }),
        client: `client-${number % 2}`,
      };
    });
    await Promise.all(members.map((each) => log.append(draft(each))));
    const everything = await log.search({});
    for (const person of [undefined, ...people])
      for (const transaction of [undefined, ...transactions])
        for (const client of [undefined, 'client-1'])
          for (const institution of [undefined, 'L2']) {
            const query: EvidenceQuery = Object.fromEntries(
              Object.entries({ person, transaction, client, institution }).filter(([, value]) => value !== undefined),
            );
            expect(await placesOf(query), JSON.stringify(query)).toEqual(
              everything.filter(({ record }) => matches(query, record)).map(({ index }) => Number(index)),
            );
          }
  });
});

describe('the search index of evidence', () => {
  it('includes everything appended before the query, on any node', async () => {
    const other = await rig.open();
    for (let round = 0; round < 10; round++) {
      await Promise.all(drafts(100, { client: 'oms' }).map((record) => log.append(record)));
      expect(await placesOf({ client: 'oms' }, other)).toHaveLength(Math.min(1_000, (round + 1) * 100));
    }
  });

  it('follows the log periodically, built once by all nodes together', async () => {
    const nodes = await Promise.all([0, 1, 2].map(() => rig.open({ indexTermsEveryMs: 5 })));
    await Promise.all(drafts(1_500, { client: 'oms' }).map((record) => log.append(record)));
    await expect
      .poll(
        async () =>
          (
            await rig.tamper('select sum(1 + coalesce(cardinality(others), 0)) as count from terms where term = $1', [
              termNumber('client oms').toString(),
            ])
          ).rows[0]?.count,
        { timeout: 60_000 },
      )
      .toBe('1500');
    for (const node of nodes) expect(await node.query({ client: 'oms', limit: 3 })).toHaveLength(3);
  });

  it('is bypassed while it cannot be extended: the end of the log is read directly', async () => {
    const first = await append({ client: 'oms' });
    expect(await placesOf({ client: 'oms' })).toEqual([first]);
    // Another node holds the lock and does nothing.
    const stuck = await rig.pool().connect();
    await stuck.query(`begin; select from named_locks where name = 'terms' for update`);
    const second = await append({ client: 'oms' });
    await append({ client: 'ems' });
    expect(await placesOf({ client: 'oms' })).toEqual([first, second]);
    expect(await placesOf({ client: 'oms', after: BigInt(first) })).toEqual([second]);
    await stuck.query('rollback');
    stuck.release();
  });

  it('is not trusted: a false term does not find a record without it', async () => {
    const said = await append({ client: 'oms' });
    const other = await append({ client: 'ems' });
    expect(await placesOf({ client: 'oms' })).toEqual([said]);
    await rig.tamper('insert into terms (term, first) values ($1, $2)', [termNumber('client oms').toString(), other]);
    expect(await placesOf({ client: 'oms' })).toEqual([said]);
  });

  it('can be extended and never changed by the role of the log', async () => {
    await append({ client: 'oms' });
    await placesOf({ client: 'oms' });
    const pool = rig.pool();
    for (const sql of [
      'delete from terms',
      'update terms set first = 0',
      'update terms_drawn set size = 9',
      'truncate terms',
    ])
      await expect(pool.query(sql), sql).rejects.toMatchObject({ code: '42501' });
    expect((await pool.query(`select terms_were_drawn(1, 2, 1, sha256('x')) as moved`)).rows).toEqual([
      { moved: null },
    ]);
  });

  it('reads little more than the answer needs, however large the rest is', async () => {
    const pool = rig.pool({ maxConnections: 1 });
    const reader = await rig.open({ pool });
    const transaction = newTransaction();
    const first = await append({ transaction, client: 'oms' });
    for (let round = 0; round < 10; round++)
      await Promise.all(drafts(1_000, { client: 'oms' }).map((record) => log.append(record)));
    const last = await append({ transaction, client: 'oms' });
    await placesOf({ client: 'nobody' }, reader);
    const before = await rowsRead(pool);
    expect(await placesOf({ transaction, client: 'oms' }, reader)).toEqual([first, last]);
    expect((await rowsRead(pool)) - before).toBeLessThan(3_000);
  });

  it('reports that it is far behind instead of reading the log for minutes', async () => {
    await append({ client: 'oms' });
    await rig.tamper(`insert into terms_drawn (rule, size) values (1, 0) on conflict (rule) do update set size = 0`);
    const stuck = await rig.pool().connect();
    await stuck.query(`begin; select from named_locks where name = 'terms' for update`);
    // Any rows will do; their content is not read.
    await rig.tamper(
      `insert into entries (index, record_id, type, leaf_hash, entry)
       select n, 'row ' || n, 'access.refused', sha256('x'), '{}' from generate_series(100, 60000) as n`,
    );
    await expect(log.query({ client: 'oms' })).rejects.toSatisfy((error) => isCodedError(error, 'query_behind'));
    await rig.tamper('delete from entries where index >= 100');
    await stuck.query('rollback');
    stuck.release();
  });
});

async function rowsRead(pool: ReturnType<Rig['pool']>): Promise<number> {
  await pool.query('select pg_stat_force_next_flush()');
  const { rows } = await pool.query<{ read: string }>(
    `select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) as read from pg_stat_user_tables where relname in ('entries', 'terms')`,
  );
  return Number(rows[0]?.read);
}
