import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordIdAfter, recordIdOfCommand } from '@countersign/contracts';
import { CodedError, newId, systemRandom } from '@countersign/kernel';
import { type ScratchDatabase, takeNamedLock } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, fixedClock } from '@countersign/testkit';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createLoggedCommands, type LoggedCommand, type LoggedKind } from './logged.ts';

// A tally that exists only in the log: its members follow from all records together.

const clock = fixedClock(1_800_000_000_000);
let folder: string;
let database: ScratchDatabase;
let audit: ReturnType<typeof createMemoryLog>;
const followed: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'logged-'));
  const component = {
    ...{ name: 'tallies', schema: 'tallies', role: 'tallies', migrationsFolder: folder },
    grants: 'full' as const,
  };
  database = await createTestDatabase({ components: [component] });
});
afterAll(async () => {
  await database.drop();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  audit = createMemoryLog(clock);
  followed.length = 0;
});

interface Ask {
  readonly by: string;
}
const changes = () => audit.records.filter(({ type }) => type === 'incident.declared');
const names = () => changes().map(({ data }) => (data as { by: string }).by);

const tally: LoggedKind<'one', readonly string[]> = {
  kind: 'tally',
  lock: (session) => takeNamedLock(session, 'tally'),
  read: async () => names(),
};
const unlocked = { ...tally, lock: async () => undefined };

const enter = (kind = tally): LoggedCommand<Ask, 'one', readonly string[], undefined, string> => ({
  kind,
  about: () => 'one',
  facts: async () => undefined,
  done: ({ ask, state }) => (state.includes(ask.by) ? `already ${ask.by}` : undefined),
  async check({ ask }) {
    if (ask.by === 'nobody') throw new CodedError({ code: 'tally_not_yours', category: 'forbidden', detail: 'No.' });
  },
  record: ({ ask }) => ({ type: 'incident.declared', outcome: 'done', data: { by: ask.by } }),
  ends: false,
  refused: (error) => ({
    ...{ id: newId('record', { clock, random: systemRandom }), type: 'access.refused', source: 'test' },
    ...{ outcome: 'deny', reason: error.code, data: {} },
  }),
  after: async ({ ask }) => void followed.push(ask.by),
  release: (state, record) => `${state.length} ${record}`,
});
const node = () => createLoggedCommands({ pool: database.pool('tallies'), log: audit, source: 'test', clock });

it('is recorded, each after the one before, and answered from the records', async () => {
  expect(await node().run(enter(), { by: 'ada' })).toBe(`1 ${changes()[0]?.id}`);
  expect(await node().run(enter(), { by: 'ben' })).toBe(`2 ${changes()[1]?.id}`);
  const first = recordIdOfCommand({ first: 'tally:one' });
  expect(changes().map(({ id }) => id)).toEqual([first, recordIdAfter('tally:one', first)]);
  expect([names(), followed]).toEqual([
    ['ada', 'ben'],
    ['ada', 'ben'],
  ]);
});

it('is refused on record, and nothing else is recorded', async () => {
  await expect(node().run(enter(), { by: 'nobody' })).rejects.toMatchObject({ code: 'tally_not_yours' });
  expect(audit.records.map(({ type, reason }) => [type, reason])).toEqual([['access.refused', 'tally_not_yours']]);
  audit.breakDown();
  await expect(node().run(enter(), { by: 'nobody' })).rejects.toMatchObject({ code: 'log_unavailable' });
});

it.each([
  ['under a lock', tally],
  ['where the lock is lost', unlocked],
])('of two nodes at once is recorded once per caller, %s', async (_, kind) => {
  const nodes = [node(), node()];
  const answers = await Promise.all(
    Array.from({ length: 8 }, (__, index) => nodes[index % 2]?.run(enter(kind), { by: index < 6 ? 'ada' : 'ben' })),
  );
  expect(names().toSorted()).toEqual(['ada', 'ben']);
  // Two simultaneous identical requests may both report success: they report the same record.
  const told = answers
    .filter((answer) => answer?.startsWith('already') === false)
    .map((answer) => answer?.split(' ')[1]);
  expect(new Set(told)).toEqual(new Set(changes().map(({ id }) => id)));
});

it('that was recorded by a stopped process is answered when repeated', async () => {
  const dying = createLoggedCommands({
    ...{ pool: database.pool('tallies'), source: 'test' as const, clock },
    log: {
      ...audit,
      async append(draft) {
        await audit.append(draft);
        throw new Error('the process died');
      },
    },
  });
  await expect(dying.run(enter(), { by: 'ada' })).rejects.toThrow('the process died');
  expect(await node().run(enter(), { by: 'ada' })).toBe('already ada');
  expect(changes()).toHaveLength(1);
});
