import { parsePrincipalId, type RecordType } from '@countersign/contracts';
import { newId, systemRandom, toInstant } from '@countersign/kernel';
import { fixedClock } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { activityFromLog } from '../index.ts';

type Log = Parameters<typeof activityFromLog>[0];
type Entry = Awaited<ReturnType<Log['query']>>[number];

const now = Date.UTC(2026, 10, 21, 9);
const clock = fixedClock(now);
const anna = parsePrincipalId('person:anna.keller');
if (anna === undefined) throw new Error('a fixture that its own parser refuses');
const person = anna;

/** A log in memory that answers like the real one: forwards, and never more than the limit. */
function logOf(ages: readonly number[], change: Partial<Entry['record']> = {}, type: RecordType = 'session.started') {
  const entries = [...ages]
    .sort((one, other) => other - one)
    .map(
      (age, index): Entry => ({
        index: BigInt(index),
        record: {
          ...{ v: 2, id: newId('record', { clock, random: systemRandom }), type, time: toInstant(now - age) },
          ...{ source: 'authentication', outcome: 'permit', subject: { id: person }, ...change },
        },
      }),
    );
  const log: Log = {
    async query({ from = 0, until = Number.POSITIVE_INFINITY, limit = 1_000, types = [] }) {
      return entries
        .filter(({ record }) => {
          const at = Date.parse(record.time);
          return types.includes(record.type) && at >= from && at < until;
        })
        .slice(0, limit);
    },
  };
  return { entries, activityOf: activityFromLog(log, clock) };
}
const day = 86_400_000;

/** All pages in order. */
async function allOf(activityOf: ReturnType<typeof logOf>['activityOf']) {
  const ids: string[] = [];
  for (let before: string | undefined, pages = 0; pages < 500; pages++) {
    const { entries, next } = await activityOf(person, before);
    ids.push(...entries.map(({ id }) => id));
    if (next === undefined) return ids;
    before = next;
  }
  throw new Error('the pages have no end');
}

describe('recent activity', () => {
  it.each<[string, readonly number[]]>([
    ['nothing', []],
    ['little, long ago', [300 * day]],
    ['a page exactly', Array.from({ length: 25 }, (_, index) => index * 60_000)],
    ['some at the same moment', Array.from({ length: 60 }, () => day)],
    [
      'much at once, between long silences',
      [
        ...Array.from({ length: 30 }, (_, index) => index * day * 12),
        ...Array.from({ length: 2_500 }, (_, index) => 40 * day + index * 500),
      ],
    ],
  ])('shows %s completely, newest first, each entry once', async (_what, ages) => {
    const { entries, activityOf } = logOf(ages);
    expect(await allOf(activityOf)).toEqual(entries.map(({ record }) => record.id).reverse());
  });

  it('starts at the newest entry for an unknown position', async () => {
    const { activityOf } = logOf([1, 2, 3]);
    for (const before of ['', 'x', '-1', '1-1-1', '9'.repeat(40)])
      expect((await activityOf(person, before)).entries).toHaveLength(3);
  });

  it('reports only that others acted, without address or device', async () => {
    const own = { address: '192.0.2.7', device: 'device:laptop-1', client: 'trading-desk' };
    const mine = (await logOf([1], own).activityOf(person)).entries[0];
    expect(mine).toMatchObject(own);
    const others = (await logOf([1], { ...own, subject: { id: 'person:ben.ito' } }).activityOf(person)).entries[0];
    expect(others).not.toHaveProperty('address');
    expect(others).not.toHaveProperty('device');
  });

  it('shows the name of a key only in the person’s own records', async () => {
    const data = { name: 'blue key', authenticator: 'aut_1' };
    const type = 'authenticator.renamed';
    expect((await logOf([1], { data }, type).activityOf(person)).entries[0]).toMatchObject({ name: 'blue key' });
    const foreign = { data, subject: { id: 'person:ben.ito' } };
    expect((await logOf([1], foreign, type).activityOf(person)).entries[0]).not.toHaveProperty('name');
  });
});
