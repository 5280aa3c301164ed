import { recordIdAfter, recordIdOfCommand } from '@countersign/contracts';
import { CodedError, newId, systemRandom } from '@countersign/kernel';
import { createMemoryLog, fixedClock } from '@countersign/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import { carryOutAll, type Keeping, Refusal } from './carry-out.ts';
import type { Steps } from './command.ts';

// Tallies kept in memory: the store defines how things are held, recorded and written; the steps are the same.

const clock = fixedClock(1_800_000_000_000);
let audit: ReturnType<typeof createMemoryLog>;
let tallies: Map<string, number>;
let taken: string[];
beforeEach(() => {
  audit = createMemoryLog(clock);
  tallies = new Map([
    ['one', 1],
    ['two', 2],
    ['done', 10],
  ]);
  taken = [];
});

const keeping: Keeping<undefined, string, number, number, { readonly tally: number }> = {
  transaction: async (_, work) => work(undefined, false),
  hold: async (_, asks) => asks.map((ask) => ({ ask, row: tallies.get(ask), previous: undefined })),
  async record(_, { id, next, said }) {
    taken.push(`recorded ${said.tally}`);
    const { time } = await audit.append({
      ...{ id, source: 'test', type: 'incident.declared', outcome: 'done' },
      data: { tally: said.tally },
    });
    return { next, recorded: { record: id, time } };
  },
  async write(_, { held: { ask }, next }) {
    taken.push(`written ${next}`);
    tallies.set(ask, next);
  },
};

const refusal = (reason: string, about: string) => ({
  ...{ id: newId('record', { clock, random: systemRandom }), source: 'test' as const, type: 'access.refused' as const },
  ...{ outcome: 'deny' as const, reason, data: { about } },
});

const count: Steps<undefined, string, number, undefined, number, number, { readonly tally: number }, string> = {
  facts: async () => undefined,
  done: ({ row }) => (row === 10 ? 'already 10' : undefined),
  async check({ ask, row }) {
    if (row !== undefined) return row;
    const told = new CodedError({ code: 'tally_unknown', category: 'not-found', detail: 'There is none.' });
    throw ask === 'secret' ? new Refusal(told, [refusal('tally_secret', ask)]) : told;
  },
  once: ({ ask }, previous) =>
    previous === undefined ? recordIdOfCommand({ counted: ask }) : recordIdAfter(ask, previous),
  next: ({ found }) => found + 1,
  before: async (_, next) => void taken.push(`before ${next}`),
  record: (_, next) => ({ tally: next }),
  alongside: async (_, { found }) => void taken.push(`alongside ${found + 1}`),
  refused: (error, { ask }) => refusal(error.code, ask),
  after: async (_, next) => void taken.push(`after ${next}`),
  release: (next) => `now ${next}`,
};
const countAll = async (...asks: readonly string[]) =>
  (await carryOutAll(count, keeping, { log: audit, clock }, asks)).map(({ answer }) => answer);

describe('a command about several things', () => {
  it('takes each step for all things before the next, and completes and answers earlier ones', async () => {
    expect(await countAll('two', 'done', 'one')).toEqual(['now 3', 'already 10', 'now 2']);
    expect(taken).toEqual([
      ...['before 3', 'before 2'],
      ...['recorded 3', 'recorded 2'],
      ...['written 3', 'alongside 3', 'written 2', 'alongside 2'],
      ...['after 3', 'after undefined', 'after 2'],
    ]);
  });

  it('is refused if any check fails: every refusal is recorded, and the first is returned', async () => {
    await expect(countAll('one', 'secret', 'none')).rejects.toMatchObject({ code: 'tally_unknown' });
    expect(audit.records.map(({ type, reason, data }) => [type, reason, data])).toEqual([
      ['access.refused', 'tally_secret', { about: 'secret' }],
      ['access.refused', 'tally_unknown', { about: 'none' }],
    ]);
    expect([taken, tallies.get('one')]).toEqual([[], 1]);
  });

  it('returns no refusal that could not be recorded', async () => {
    audit.breakDown();
    await expect(countAll('none')).rejects.toMatchObject({ code: 'log_unavailable' });
  });

  it('writes nothing if one of its records could not be made', async () => {
    audit.breakDown();
    await expect(countAll('one', 'two')).rejects.toMatchObject({ code: 'log_unavailable' });
    expect(tallies.get('one')).toBe(1);
  });
});
