import {
  type AuditLog,
  auditLogErrors,
  ended,
  type RecordDraft,
  type Remote,
  type Standing,
  standing,
} from '@countersign/contracts';
import { defined, newId, type RecordId, systemRandom, type TransactionId } from '@countersign/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf } from '../code-of.ts';
import type { FixedClock } from '../fixed-clock.ts';

/** The part of the log that components and other processes use. */
export type ConformingLog = Remote<'audit-log'>;

/** A log under test, with the operations that the suite needs. */
export interface LogUnderTest {
  readonly log: ConformingLog;
  readonly clock: FixedClock;
  /** Makes the log's storage unreachable from now on. */
  breakDown(): Promise<unknown>;
  repair(): Promise<unknown>;
  close(): Promise<unknown>;
}

/** The contract of the audit log, for the component on its database and for its doubles in tests. */
export function describeAuditLog(name: string, make: () => Promise<LogUnderTest>): void {
  describe(`the contract of the audit log, implemented by ${name}`, () => {
    let made: LogUnderTest;
    let log: ConformingLog;
    beforeAll(async () => {
      made = await make();
      ({ log } = made);
    });
    afterAll(() => made.close());

    const ids = () => ({ clock: made.clock, random: systemRandom });
    const draft = (members: Partial<RecordDraft> = {}): RecordDraft => ({
      ...{ id: newId('record', ids()), type: 'access.refused', source: 'test', outcome: 'deny', reason: 'test' },
      ...members,
    });
    const newThing = () => `thing:${newId('record', ids())}`;
    const says = (...all: readonly Standing[]) => log.append(draft({ standing: all }));
    async function several(count: number, members: Partial<RecordDraft>): Promise<readonly bigint[]> {
      const places: bigint[] = [];
      for (let number = 0; number < count; number += 1) places.push((await log.append(draft(members))).index);
      return places;
    }
    const found = async (id: RecordId) => (await log.find(id))?.record;

    describe('appending', () => {
      it('answers with the id, a position after all others, and the time of the log', async () => {
        const one = draft();
        const receipt = await log.append(one);
        const next = await log.append(draft());
        expect(receipt).toEqual({
          id: one.id,
          index: expect.any(BigInt),
          time: new Date(made.clock.now()).toISOString(),
        });
        expect(next.index).toBe(receipt.index + 1n);
        expect(await log.find(one.id)).toMatchObject({ index: receipt.index, record: { ...one, time: receipt.time } });
      });

      it('answers a repeated draft with the first receipt, also later, and writes it once', async () => {
        const one = draft({ data: { b: 1, a: 2 } });
        const first = await log.append(one);
        made.clock.advance(5_000);
        expect(await log.append({ ...one, data: { a: 2, b: 1 } })).toEqual(first);
        expect((await log.append(draft())).index).toBe(first.index + 1n);
      });

      it('gives the same answer to concurrent copies of a draft', async () => {
        const one = draft();
        const receipts = await Promise.all([log.append(one), log.append(one), log.append(one)]);
        expect(new Set(receipts.map(({ index }) => index)).size).toBe(1);
      });

      it('refuses another record under a used id, and of two at once accepts one', async () => {
        const one = draft();
        await log.append(one);
        expect(await codeOf(log.append({ ...one, reason: 'other' }))).toBe('record_identity_taken');
        expect(await found(one.id)).toMatchObject({ reason: 'test' });
        const id = newId('record', ids());
        const both = await Promise.allSettled(['one', 'two'].map((reason) => log.append(draft({ id, reason }))));
        expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      });

      it('treats restricted values as part of a record’s content', async () => {
        const value = { path: '/data/name', kind: 'personal', subject: 'person:anna', value: 'Anna' } as const;
        const one = draft({ data: { count: 1 }, protectedValues: [value] });
        const first = await log.append(one);
        expect(await log.append(one)).toEqual(first);
        expect(await codeOf(log.append({ ...one, protectedValues: [{ ...value, value: 'Ben' }] }))).toBe(
          'record_identity_taken',
        );
      });

      it('numbers the records of a process from one, without gaps for refused or repeated ones', async () => {
        const one = draft();
        await log.append(one);
        await codeOf(log.append({ ...one, reason: 'other' }));
        await log.append(one);
        const two = draft();
        await log.append(two);
        const [first, second] = [await found(one.id), await found(two.id)];
        expect(first).toMatchObject({ v: 2, stream: expect.stringMatching(/^src_/), number: expect.any(Number) });
        expect(second).toMatchObject({ stream: first?.stream, number: (first?.number ?? 0) + 1 });
      });

      it('gives no record an earlier time than the one before it, even if the clock is set back', async () => {
        const before = await log.append(draft());
        made.clock.advance(-60_000);
        const after = await log.append(draft());
        made.clock.advance(60_000);
        expect(after.time >= before.time).toBe(true);
      });

      it('refuses oversized records, and text that cannot be hashed', async () => {
        expect(await codeOf(log.append(draft({ data: 'x'.repeat(66_000) })))).toBe('record_too_large');
        expect(await codeOf(log.append(draft({ data: 'a lone surrogate: \ud800' })))).toBe('not_canonicalizable');
        await log.append(draft({ data: 'x'.repeat(60_000) }));
      });

      it('refuses an invalid record: it is a bug of its writer', async () => {
        const digest = standing('x', 1).digest;
        const twice = [{ of: 'a:1', ...defined({ digest }) }, { of: 'a:1' }];
        for (const bad of [
          draft({ id: 'rec_1' as RecordId }),
          draft({ type: 'no.such' as never }),
          draft({ transaction: 'txn_1' as TransactionId }),
          draft({ standing: twice }),
          draft({ standing: [{ of: 'with a space' }] }),
        ])
          await expect(log.append(bad)).rejects.toBeInstanceOf(Error);
      });

      it('ignores times from the writer: they are refused, or another process does not send them', async () => {
        const one = { ...draft(), time: '2026-01-01T00:00:00.000Z' };
        await log.append(one).catch(() => undefined);
        expect((await found(one.id))?.time).not.toBe(one.time);
      });

      it('is not affected by later changes to the writer’s draft', async () => {
        const data = { count: 1 };
        const one = draft({ data });
        const appending = log.append(one);
        data.count = 2;
        await appending;
        expect(await found(one.id)).toMatchObject({ data: { count: 1 } });
      });
    });

    describe('reading', () => {
      it('puts what is protected in its place, and withholds it where that is asked', async () => {
        const transaction = newId('transaction', ids());
        const one = draft({
          transaction,
          address: '192.0.2.1',
          data: { count: 1 },
          protectedValues: [{ path: '/data/name', kind: 'personal', subject: 'person:anna', value: 'Anna' }],
        });
        await log.append(one);
        const whole = { data: { count: 1, name: 'Anna' }, address: '192.0.2.1' };
        const record = await found(one.id);
        expect(record).toMatchObject(whole);
        expect(record).not.toHaveProperty('protectedValues');
        expect((await log.search({ transaction })).map((entry) => entry.record)).toMatchObject([whole]);
        const [withheld] = await log.search({ transaction, withheld: true });
        expect(withheld?.record.data).toEqual({ count: 1 });
        expect(withheld?.record).not.toHaveProperty('address');
        const [raw] = (await log.scan({ types: ['access.refused'], limit: 1_000 })).slice(-1);
        expect(raw?.text).not.toContain('Anna');
        expect(JSON.parse(raw?.text ?? '')).toMatchObject({ v: 2, id: one.id, data: { count: 1 } });
      });

      it('finds by type and transaction, in log order, a page at a time', async () => {
        const transaction = newId('transaction', ids());
        const refused = await several(3, { transaction });
        const [consent] = await several(1, { transaction, type: 'consent.denied' });
        const placesOf = async (query: Parameters<AuditLog['search']>[0]) =>
          (await log.search(query)).map(({ index }) => index);
        expect(await placesOf({ transaction })).toEqual([...refused, consent]);
        expect(await placesOf({ transaction, type: 'access.refused' })).toEqual(refused);
        expect(await placesOf({ transaction, types: ['consent.denied', 'access.refused'] })).toHaveLength(4);
        expect(await placesOf({ transaction, types: [] })).toEqual([]);
        expect(await placesOf({ transaction, limit: 2 })).toEqual(refused.slice(0, 2));
        expect(await placesOf({ transaction, after: refused[0] ?? 0n })).toEqual([...refused.slice(1), consent]);
        await expect(log.search({ type: 'access.refused', types: ['access.refused'] })).rejects.toBeInstanceOf(Error);
        expect(await log.newest(['consent.denied'])).toBe(consent);
        expect(await log.newest(['timestamp.issued'])).toBe(-1n);
        expect(await log.find(newId('record', ids()))).toBeUndefined();
      });

      it('finds by the subjects of records: all conditions must hold', async () => {
        const [person, agent, other] = ['person:p', 'agent:a', 'person:o'].map((id) => `${id}${newThing().slice(10)}`);
        if (person === undefined || agent === undefined || other === undefined) throw new Error('no names');
        const about = draft({ subject: { id: person, institution: 'LEI1' }, actors: [{ id: agent }], client: 'c' });
        const decision = await log.append(about);
        const resting = await log.append(draft({ subject: { id: other }, references: [about.id], partner: 'LEI9' }));
        const placesOf = async (query: Parameters<AuditLog['query']>[0]) =>
          (await log.query(query)).map(({ index }) => index);
        expect(await placesOf({ person })).toEqual([decision.index]);
        expect(await placesOf({ agent })).toEqual([decision.index]);
        expect(await placesOf({ person, client: 'c', institution: 'LEI1' })).toEqual([decision.index]);
        expect(await placesOf({ person, client: 'd' })).toEqual([]);
        expect(await placesOf({ person: other, partner: 'LEI9' })).toEqual([resting.index]);
        expect(await placesOf({ decision: about.id })).toEqual([decision.index, resting.index]);
        expect(await placesOf({ decision: about.id, after: decision.index })).toEqual([resting.index]);
        expect(await placesOf({ person, types: ['consent.denied'] })).toEqual([]);
        expect(await placesOf({ person, until: made.clock.now() - 3_600_000 })).toEqual([]);
      });

      it('finds by time: from a point in time, and before one', async () => {
        made.clock.advance(120_000);
        const from = made.clock.now();
        const [first] = await several(1, { type: 'consent.denied' });
        made.clock.advance(1_000);
        const [second] = await several(1, { type: 'consent.denied' });
        const range = { types: ['consent.denied'] as const, from };
        const placesOf = async (query: Parameters<AuditLog['scan']>[0]) =>
          (await log.scan(query)).map(({ index }) => index);
        expect(await placesOf({ ...range, limit: 10 })).toEqual([first, second]);
        expect(await placesOf({ ...range, until: from + 1_000, limit: 10 })).toEqual([first]);
        expect(await placesOf({ ...range, after: first ?? 0n, limit: 10 })).toEqual([second]);
        expect(await log.count(range)).toBe(2);
        expect(await log.count({ ...range, types: [] })).toBe(0);
      });
    });

    describe('standings', () => {
      it('are given by the newest record appended before the query', async () => {
        const [thing, gone, unknown] = [newThing(), newThing(), newThing()];
        await says(standing(thing, { level: 1 }), standing(gone, 1));
        const { id, index } = await says(standing(thing, { level: 2 }), ended(gone));
        const answer = await log.standings([thing, gone, unknown]);
        expect(answer.size).toBe(2);
        expect(answer.get(thing)).toEqual({ record: id, index, digest: standing(thing, { level: 2 }).digest });
        expect(answer.get(gone)).toEqual({ record: id, index });
        expect((await log.standings([])).size).toBe(0);
      });

      it('are answered for at most a thousand things', async () => {
        const names = Array.from({ length: 1_001 }, (_, number) => `many:${number}`);
        expect((await log.standings(names.slice(1))).size).toBe(0);
        await expect(log.standings(names)).rejects.toBeInstanceOf(Error);
        await expect(log.lastUnder(names)).rejects.toBeInstanceOf(Error);
      });

      it('are listed by name prefix, a page at a time, without ended ones', async () => {
        const prefix = `${newThing()}:`;
        const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((end) => `${prefix}${end}`) as [string, string, string, string];
        await says(standing(c, 1), standing(a, 1), standing(b, 1), standing(d, 1));
        await says(ended(b));
        const first = await log.standingsUnder(prefix, { limit: 2 });
        expect([first.things.map(({ of }) => of), first.next]).toEqual([[a], b]);
        const second = await log.standingsUnder(prefix, { after: b, limit: 10 });
        expect([second.things.map(({ of }) => of), second.next]).toEqual([[c, d], undefined]);
      });

      it('include the last one under each prefix, ended or not', async () => {
        const [one, other] = [`${newThing()}:`, `${newThing()}:`];
        await says(standing(`${one}1`, 1), standing(`${one}2`, 1), standing(`${other}1`, 1));
        const { id, index } = await says(ended(`${one}2`));
        const last = await log.lastUnder([one, other, 'nothing:']);
        expect(last.get(one)).toEqual({ of: `${one}2`, record: id, index });
        expect(last.get(other)).toMatchObject({ of: `${other}1`, digest: expect.any(String) });
        expect(last.has('nothing:')).toBe(false);
      });
    });

    it('does nothing and fails while its storage is down, and leaves nothing half-written', async () => {
      const thing = newThing();
      const one = draft({ standing: [standing(thing, 1)] });
      await made.breakDown();
      const unavailable = auditLogErrors.error('log_unavailable', '').code;
      for (const ask of [
        () => log.append(one),
        () => log.find(one.id),
        () => log.search({ type: 'access.refused' }),
        () => log.query({ person: 'person:anna' }),
        () => log.newest(['access.refused']),
        () => log.standings([thing]),
        () => log.standingsUnder(thing, { limit: 1 }),
        () => log.lastUnder([thing]),
        () => log.scan({ types: ['access.refused'], limit: 1 }),
        () => log.count({ types: ['access.refused'] }),
      ])
        expect([String(ask), await codeOf(ask())]).toEqual([String(ask), unavailable]);
      await made.repair();
      expect(await log.find(one.id)).toBeUndefined();
      const { index } = await log.append(one);
      expect((await log.standings([thing])).get(thing)).toMatchObject({ record: one.id, index });
    });
  });
}
