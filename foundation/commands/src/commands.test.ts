import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStandingCheck, ended, standing } from '@countersign/contracts';
import { CodedError, type Json, newId, type RecordId, systemRandom } from '@countersign/kernel';
import { type ScratchDatabase, withoutHeldConnection } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, fixedClock } from '@countersign/testkit';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Command } from './command.ts';
import { createCommands } from './commands.ts';
import { createRecordedThings, type ProvenKind, type RecordedKind } from './recorded-things.ts';

// A lamp that is switched on and off, on a real database: the smallest thing that is recorded and stored separately.

interface Lamp {
  readonly lit: boolean;
  readonly by: string;
}
type Row = Lamp & { readonly record: RecordId };
type LampId = `lamp-${string}`;

const table = `create table lamps (id text primary key, lit boolean not null, by text not null, record text not null);`;
const clock = fixedClock(1_800_000_000_000);
const from = { clock, random: systemRandom };
let folder: string;
let database: ScratchDatabase;
let pool: pg.Pool;
let admin: pg.Pool;
let audit: ReturnType<typeof createMemoryLog>;
let count = 0;
let id: LampId;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'commands-'));
  writeFileSync(join(folder, '0001_lamps.sql'), table);
  const component = {
    name: 'lamps',
    schema: 'lamps',
    role: 'lamps',
    migrationsFolder: folder,
    grants: 'full' as const,
  };
  database = await createTestDatabase({ components: [component] });
  pool = database.pool('lamps');
  admin = database.pool('lamps');
});
afterAll(async () => {
  await database.drop();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  audit = createMemoryLog(clock);
  notified.length = 0;
  ranAfter.length = 0;
  announced.length = 0;
  id = `lamp-${++count}`;
});

const read = async (session: pg.Pool | pg.PoolClient, lamp: LampId, lock = ''): Promise<Row | undefined> =>
  (await session.query<Row>(`select lit, by, record from lamps where id = $1 ${lock}`, [lamp])).rows[0];

const lamps: RecordedKind<LampId, Lamp, Row> = {
  kind: 'lamp',
  find: (session, lamp) => read(session, lamp),
  lock: (session, lamp) => read(session, lamp, 'for update'),
  recordOf: ({ record }) => record,
  content: ({ lit, by }) => ({ lit, by }),
  stateOf: (content: Json) => content as unknown as Lamp,
  async put(session, { lit, by }, change) {
    if (stopsAfterRecord) {
      stopsAfterRecord = false;
      throw new Error('the process died');
    }
    await betweenReadAndWrite?.();
    await session.query(
      `insert into lamps (id, lit, by, record) values ($1, $2, $3, $4)
       on conflict (id) do update set lit = excluded.lit, by = excluded.by, record = excluded.record`,
      [change.id, lit, by, change.record],
    );
  },
};

/** Makes the next write of a row fail, as when a process stops after its record. */
let stopsAfterRecord = false;
/** What others do between the read of a row and its next write. */
let betweenReadAndWrite: (() => Promise<void>) | undefined;
/** Notifications about lamps switched on; a lamp is forgotten once it is off. */
const announced: string[] = [];
const notifyingLamps: typeof lamps = {
  ...lamps,
  forgets: true,
  notify: async ({ by }, { id: lamp, record }) => void announced.push(`${lamp} ${by} ${record}`),
};
const notified: string[] = [];
const ranAfter: string[] = [];

interface Ask {
  readonly lamp: LampId;
  readonly lit: boolean;
  readonly by: string;
}

const turn: Command<Ask, LampId, Lamp, Row, { readonly broken: boolean }, string> = {
  kind: lamps,
  about: ({ lamp }) => lamp,
  facts: async () => ({ broken: false }),
  done: ({ ask, row }) =>
    row !== undefined && row.lit === ask.lit && row.by === ask.by ? `already ${row.by}` : undefined,
  async check({ ask }) {
    if (ask.by === 'nobody') throw new CodedError({ code: 'lamp_not_yours', category: 'forbidden', detail: 'No.' });
  },
  next: ({ ask: { lit, by } }) => ({ lit, by }),
  before: async ({ ask }) => void notified.push(ask.by),
  record: ({ ask }) => ({ type: 'incident.declared', outcome: 'done', data: { lamp: ask.lamp } }),
  ends: ({ lit }) => !lit,
  refused: (error, { ask }) => ({
    ...{ id: newId('record', from), type: 'access.refused', source: 'test', outcome: 'deny', reason: error.code },
    data: { lamp: ask.lamp },
  }),
  after: async ({ ask }) => void ranAfter.push(ask.by),
  release: ({ by }, { record }) => `${by} ${record}`,
};

function node(log = audit, kind = lamps) {
  const check = createStandingCheck({ ...from, log, source: 'test' });
  const parts = { pool, log, check, source: 'test' as const, clock };
  return { ...createCommands(parts), things: createRecordedThings(kind, parts) };
}
const changes = () => audit.records.filter(({ type }) => type === 'incident.declared');
const light = (by: string, lit = true): Ask => ({ lamp: id, lit, by });

describe('a command', () => {
  it('records the new standing and then writes the row', async () => {
    const answer = await node().run(turn, light('ada'));
    const [record] = changes();
    expect(answer).toBe(`ada ${record?.id}`);
    expect(record).toMatchObject({ source: 'test', data: { lamp: id, after: { lit: true, by: 'ada' } } });
    expect(record?.data).not.toHaveProperty('previous');
    expect(await node().things.find(id)).toEqual({ lit: true, by: 'ada', record: record?.id });
    await node().run(turn, light('ben'));
    expect(changes()[1]?.data).toMatchObject({ previous: record?.id });
    expect([notified, ranAfter]).toEqual([
      ['ada', 'ben'],
      ['ada', 'ben'],
    ]);
  });

  it('commits related rows together with the row, or neither', async () => {
    const beside: LampId = `${id}-beside`;
    let fails = true;
    const writing: typeof turn = {
      ...turn,
      async alongside(session, { ask }, { record }) {
        await session.query('insert into lamps values ($1, true, $2, $3)', [beside, ask.by, record]);
        if (fails) throw new Error('it cannot be written');
      },
    };
    await expect(node().run(writing, light('ada'))).rejects.toThrow('it cannot be written');
    expect([await read(admin, id), await read(admin, beside)]).toEqual([undefined, undefined]);
    fails = false;
    await node().run(writing, light('ben'));
    expect(await read(admin, beside)).toEqual({ lit: true, by: 'ben', record: changes()[1]?.id });
  });

  it('changes nothing if it cannot be recorded', async () => {
    audit.breakDown();
    await expect(node().run(turn, light('ada'))).rejects.toMatchObject({ code: 'log_unavailable' });
    expect(await read(admin, id)).toBeUndefined();
  });

  it('records its refusal and notifies nobody', async () => {
    await expect(node().run(turn, light('nobody'))).rejects.toMatchObject({ code: 'lamp_not_yours' });
    expect(audit.records.map(({ type, reason }) => [type, reason])).toEqual([['access.refused', 'lamp_not_yours']]);
    expect([await read(admin, id), notified]).toEqual([undefined, []]);
  });

  it('reports that it does not know whether the refusal was recorded', async () => {
    audit.breakDown();
    await expect(node().run(turn, light('nobody'))).rejects.toMatchObject({ code: 'log_unavailable' });
  });

  it('is recorded once among fifty simultaneous ones on two nodes', async () => {
    const nodes = [node(), node()];
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => nodes[index % 2]?.run(turn, light('ada'))),
    );
    expect(changes()).toHaveLength(1);
    expect(answers.filter((answer) => answer === 'already ada')).toHaveLength(49);
  });

  it('loses none of several people’s simultaneous commands, each following the one before', async () => {
    const nodes = [node(), node()];
    await Promise.all(Array.from({ length: 12 }, (_, index) => nodes[index % 2]?.run(turn, light(`person-${index}`))));
    const records = changes();
    expect(records).toHaveLength(12);
    for (const [index, { data }] of records.entries())
      expect((data as { previous?: string }).previous).toBe(records[index - 1]?.id);
  });
});

describe('after a process stops between record and row', () => {
  const interrupted = async (ask: Ask) => {
    stopsAfterRecord = true;
    await expect(node().run(turn, ask)).rejects.toThrow('the process died');
  };

  it.each([
    ['the first', []],
    ['a later one', ['before']],
  ])('%s is completed by the next reader, with the same record', async (_, earlier) => {
    for (const by of earlier) await node().run(turn, light(by));
    await interrupted(light('ada'));
    const before = changes().length;
    expect(await node().things.find(id)).toMatchObject({ lit: true, by: 'ada', record: changes().at(-1)?.id });
    expect(changes()).toHaveLength(before);
    expect(await read(admin, id)).toMatchObject({ by: 'ada' });
  });

  it('a repetition is answered, and nothing is recorded a second time', async () => {
    await interrupted(light('ada'));
    expect(await node().run(turn, light('ada'))).toBe('already ada');
    expect(changes()).toHaveLength(1);
  });

  it('a repetition runs the steps after the commit again', async () => {
    await interrupted(light('ada'));
    expect(ranAfter).toEqual([]);
    for (let again = 0; again < 2; again++) await node().run(turn, light('ada'));
    expect(ranAfter).toEqual(['ada', 'ada']);
  });

  it('an operation other than a command finds it completed', async () => {
    await interrupted(light('ada'));
    expect(await node().things.locked(id, (lamp) => lamp?.by)).toBe('ada');
    await interrupted(light('ben'));
    expect(await node().things.locked(id, (lamp) => lamp?.by)).toBe('ben');
  });

  it('completing the first one overwrites nothing that others have done since', async () => {
    await interrupted(light('ada'));
    let others: Promise<unknown> = Promise.resolve();
    betweenReadAndWrite = async () => {
      betweenReadAndWrite = undefined;
      others = withoutHeldConnection(async () => {
        await node().run(turn, light('ben'));
        await node().run(turn, light('cleo'));
      });
      // They must wait, or have finished by then.
      await Promise.race([others, new Promise((resolve) => setTimeout(resolve, 300))]);
    };
    await node().things.settle(id);
    await others;
    expect(await node().things.find(id)).toMatchObject({ by: 'cleo' });
  });

  it('a repetition is distinguished from finding it done', async () => {
    const asked: boolean[] = [];
    const asking: typeof turn = {
      ...turn,
      done: (given) => {
        asked.push(given.completed);
        return turn.done(given);
      },
    };
    await interrupted(light('ada'));
    for (let time = 0; time < 2; time++) expect(await node().run(asking, light('ada'))).toBe('already ada');
    expect(asked).toEqual([true, false]);
  });

  it('others are notified of the record by the writer of the row, before the row is written', async () => {
    const notifyingTurn = { ...turn, kind: notifyingLamps };
    await node().run(notifyingTurn, light('ada'));
    stopsAfterRecord = true;
    await expect(node().run(notifyingTurn, light('ben'))).rejects.toThrow('the process died');
    expect(await read(admin, id)).toMatchObject({ by: 'ada' });
    await node(audit, notifyingLamps).things.find(id);
    expect(await read(admin, id)).toMatchObject({ by: 'ben' });
    const [first, second] = changes();
    expect(announced).toEqual([`${id} ada ${first?.id}`, `${id} ben ${second?.id}`, `${id} ben ${second?.id}`]);
  });

  it('a different command continues from the record', async () => {
    await interrupted(light('ada'));
    await node().run(turn, light('ben'));
    expect(changes().map(({ data }) => (data as unknown as { after: Lamp }).after.by)).toEqual(['ada', 'ben']);
    expect(await node().things.find(id)).toMatchObject({ by: 'ben' });
  });

  it('an end is completed as well, and counts before that', async () => {
    await node().run(turn, light('ada'));
    await interrupted(light('ada', false));
    expect(await node().things.find(id)).toMatchObject({ lit: false });
    expect(await node().run(turn, light('ada', false))).toBe('already ada');
  });

  it('a later refusal undoes nothing of it', async () => {
    await interrupted(light('ada'));
    await expect(node().run(turn, light('nobody'))).rejects.toMatchObject({ code: 'lamp_not_yours' });
    expect(await read(admin, id)).toMatchObject({ by: 'ada' });
  });
});

describe('a row written by an attacker', () => {
  const forge = (change: string) => admin.query(`update lamps set ${change} where id = $1`, [id]);

  it.each(["by = 'eve'", 'lit = false', "record = 'rec_other', by = 'eve'"])(
    'counts for nothing: %s',
    async (change) => {
      await node().run(turn, light('ada'));
      await forge(change);
      await expect(node().things.find(id)).rejects.toMatchObject({ code: 'authority_unproven' });
      await expect(node().run(turn, light('ben'))).rejects.toMatchObject({ code: 'authority_unproven' });
      expect(changes()).toHaveLength(1);
      expect(audit.ofType('row.rejected')).not.toEqual([]);
    },
  );

  it('is ignored if it names another record, whatever its content: the next command follows the newest', async () => {
    await node().run(turn, light('ada'));
    const [first] = changes();
    await node().run(turn, light('ada', false));
    await node().run(turn, light('ada'));
    // The state recurs: if the row's record were trusted, the next end would repeat the first one and make no record.
    await admin.query('update lamps set record = $2 where id = $1', [id, first?.id]);
    await node().run(turn, light('ada', false));
    expect(changes()).toHaveLength(4);
    expect(await node().things.find(id)).toMatchObject({ lit: false });
  });

  it('cannot be restored from the record of another thing that ended this one', async () => {
    const other: LampId = `${id}-other`;
    await node().run(turn, light('ada'));
    const ending: typeof turn = {
      ...turn,
      record: (given, next, record) => ({ ...turn.record(given, next, record), standing: [ended(`lamp:${id}`)] }),
    };
    await node().run(ending, { lamp: other, lit: true, by: 'eve' });
    await admin.query("update lamps set by = 'eve', record = $2 where id = $1", [id, changes().at(-1)?.id]);
    expect(await node().things.find(id)).toBeUndefined();
    await admin.query('delete from lamps where id = $1', [id]);
    expect(await node().things.find(id)).toBeUndefined();
  });

  it('is reported as unproven if its record carries no state', async () => {
    audit.write({ type: 'incident.declared', standing: [standing(`lamp:${id}`, { lit: true })] });
    await expect(node().things.find(id)).rejects.toMatchObject({ code: 'authority_unproven' });
    await expect(node().run(turn, light('ada'))).rejects.toMatchObject({ code: 'authority_unproven' });
    // A command that rewrites it does not need its state.
    await node().run({ ...turn, unproven: 'none' }, light('ada'));
    expect(changes()[1]?.data).toMatchObject({ previous: changes()[0]?.id });
    expect(await node().things.find(id)).toMatchObject({ by: 'ada' });
  });

  it('of another thing that a command depends on is written first, without a lock', async () => {
    const other: LampId = `${id}-other`;
    stopsAfterRecord = true;
    await expect(node().run(turn, { lamp: other, lit: true, by: 'ben' })).rejects.toThrow('the process died');
    const depending: typeof turn = {
      ...turn,
      async facts(session) {
        await node().things.requireWritten(session, other);
        return { broken: false };
      },
    };
    await node().run(depending, light('ada'));
    expect(await read(admin, other)).toMatchObject({ by: 'ben' });
    // Another session holds the lock of the other thing.
    const held = await admin.connect();
    try {
      await held.query('begin');
      await held.query('select from lamps where id = $1 for update', [other]);
      await node().run(depending, light('ben'));
    } finally {
      await held.query('rollback');
      held.release();
    }
  });

  it('of another thing that a command holds as well is written first', async () => {
    const other: LampId = `${id}-other`;
    stopsAfterRecord = true;
    await expect(node().run(turn, { lamp: other, lit: true, by: 'ben' })).rejects.toThrow('the process died');
    const both: typeof turn = {
      ...turn,
      facts: async (session) => ({ broken: (await node().things.lock(session, other)) === undefined }),
    };
    expect(await node().run(both, light('ada'))).toMatch(/^ada /);
    expect(await read(admin, other)).toMatchObject({ by: 'ben' });
  });

  it('does not restore what has ended', async () => {
    await node().run(turn, light('ada'));
    await node().run(turn, light('ada', false));
    await forge('lit = true');
    await expect(node().things.find(id)).rejects.toMatchObject({ code: 'authority_unproven' });
  });

  it('is ignored if no record is about it', async () => {
    await admin.query("insert into lamps values ($1, true, 'eve', 'rec_x')", [id]);
    await expect(node().things.find(id)).rejects.toMatchObject({ code: 'authority_unproven' });
  });

  it.each([
    ['was changed', "update lamps set by = 'eve' where id = $1"],
    ['seems to be of another change', "update lamps set by = 'eve', record = 'rec_other' where id = $1"],
    ['is gone', 'delete from lamps where id = $1'],
  ])('is restored on request: one that %s', async (_, forgery) => {
    await node().run(turn, light('ada'));
    await admin.query(forgery, [id]);
    expect(await node().things.restore(id)).toBe(true);
    expect(await node().things.find(id)).toMatchObject({ by: 'ada', record: changes()[0]?.id });
  });

  it('is not restored if no record states its content', async () => {
    await admin.query("insert into lamps values ($1, true, 'eve', 'rec_x')", [id]);
    expect(await node().things.restore(id)).toBe(false);
    await expect(node().things.find(id)).rejects.toMatchObject({ code: 'authority_unproven' });
  });

  it('is not rewritten once it has ended and was removed, if its kind forgets', async () => {
    await node().run(turn, light('ada'));
    await admin.query('delete from lamps where id = $1', [id]);
    expect(await node(audit, notifyingLamps).things.find(id)).toMatchObject({ by: 'ada' });
    await node().run(turn, light('ada', false));
    await admin.query('delete from lamps where id = $1', [id]);
    expect(await node(audit, notifyingLamps).things.find(id)).toBeUndefined();
    expect(await read(admin, id)).toBeUndefined();
  });

  it('is rewritten when deleted before its retention ends, and not after', async () => {
    let isOver = false;
    const passing: typeof lamps = { ...lamps, forgets: () => isOver };
    await node().run(turn, light('ada'));
    await admin.query('delete from lamps where id = $1', [id]);
    expect(await node(audit, passing).things.find(id)).toMatchObject({ by: 'ada' });
    await admin.query('delete from lamps where id = $1', [id]);
    isOver = true;
    expect(await node(audit, passing).things.find(id)).toBeUndefined();
    expect(await read(admin, id)).toBeUndefined();
  });

  it('reset to an earlier state is rewritten, and removed as well', async () => {
    await node().run(turn, light('ada'));
    const [first] = changes();
    await node().run(turn, light('ben'));
    await admin.query("update lamps set by = 'ada', record = $2 where id = $1", [id, first?.id]);
    expect(await node().things.find(id)).toMatchObject({ by: 'ben' });
    await admin.query('delete from lamps where id = $1', [id]);
    expect(await node().things.find(id)).toMatchObject({ by: 'ben' });
    await node().run(turn, light('ben', false));
    await admin.query('update lamps set lit = true, record = $2 where id = $1', [id, changes()[1]?.id]);
    expect(await node().things.find(id)).toMatchObject({ lit: false });
  });
});

describe('a kind whose rows are deleted at the end, and whose records carry the state sealed', () => {
  const sealed = (state: Lamp) => Buffer.from(JSON.stringify(state)).toString('base64');
  const kind: RecordedKind<LampId, Lamp, Row> = {
    ...lamps,
    content: ({ by }) => ({ by }),
    carried: ({ lit, by }) => ({ sealed: sealed({ lit, by }) }),
    stateOf: (carried) => JSON.parse(Buffer.from((carried as { sealed: string }).sealed, 'base64').toString()) as Lamp,
    async remove(session, lamp) {
      if (stopsAfterRecord) {
        stopsAfterRecord = false;
        throw new Error('the process died');
      }
      await session.query('delete from lamps where id = $1', [lamp]);
    },
  };
  const change = { ...turn, kind };
  const anew = { ...change, unproven: 'none' as const };
  const check = () => createStandingCheck({ ...from, log: audit, source: 'test' });
  const things = () => createRecordedThings(kind, { pool, log: audit, check: check(), source: 'test' });
  const run = (ask: Ask, command: typeof turn = change) => node().run(command, ask);
  const interrupted = async (ask: Ask) => {
    stopsAfterRecord = true;
    await expect(run(ask)).rejects.toThrow('the process died');
  };
  const rows = async () => (await admin.query('select 1 from lamps where id = $1', [id])).rowCount;

  it('shows nothing of its state in the log, and is completed from it', async () => {
    await run(light('ada'));
    await interrupted(light('ben'));
    expect(changes()[1]?.data).toEqual({
      lamp: id,
      thing: `lamp:${id}`,
      after: { sealed: sealed({ lit: true, by: 'ben' }) },
      previous: changes()[0]?.id,
    });
    expect(await things().find(id)).toMatchObject({ by: 'ben', record: changes()[1]?.id });
  });

  it('is completed including members that are not compared', async () => {
    await run(light('ada'));
    const lasting = { ...change, ends: () => false };
    stopsAfterRecord = true;
    await expect(run(light('ada', false), lasting)).rejects.toThrow('the process died');
    expect(await things().find(id)).toMatchObject({ lit: false, by: 'ada' });
    expect(changes()).toHaveLength(2);
  });

  it('has no row once it has ended, even if a process stopped, and starts anew after that', async () => {
    await run(light('ada'));
    await interrupted(light('ada', false));
    expect(await rows()).toBe(1);
    expect(await things().find(id)).toBeUndefined();
    expect(await rows()).toBe(0);
    await run(light('ada'));
    await run(light('ada', false));
    expect(await rows()).toBe(0);
    await run(light('cem'));
    expect(await things().find(id)).toMatchObject({ by: 'cem' });
    for (const [index, { data }] of changes().entries())
      expect((data as { previous?: string }).previous).toBe(changes()[index - 1]?.id);
  });

  it('sends its notification at the end as well, whoever deletes the row', async () => {
    const telling: typeof kind = { ...notifyingLamps, ...kind };
    const notified = { ...change, kind: telling };
    await run(light('ada'), notified);
    stopsAfterRecord = true;
    await expect(run(light('ada', false), change)).rejects.toThrow('the process died');
    expect(announced).toHaveLength(1);
    await createRecordedThings(telling, { pool, log: audit, check: check(), source: 'test' }).find(id);
    expect(announced[1]).toBe(`${id} ada ${changes()[1]?.id}`);
  });

  it('stays ended, whoever writes a row for it; a row that never existed is reported', async () => {
    await run(light('ada'));
    await run(light('ada', false));
    for (const record of [changes()[0]?.id, 'rec_other']) {
      await admin.query("insert into lamps values ($1, true, 'ada', $2)", [id, record]);
      expect(await things().find(id)).toBeUndefined();
      expect(await rows()).toBe(0);
    }
    expect(audit.ofType('row.rejected')).toHaveLength(1);
  });

  it('counts as read while the log agrees', async () => {
    await run(light('ada'));
    const read = await things().find(id);
    if (read === undefined) throw new Error('there is no such lamp');
    expect(await things().counts(id, read)).toBe(true);
    await interrupted(light('ben'));
    expect(await things().counts(id, read)).toBe(false);
    expect(await things().find(id)).toMatchObject({ by: 'ben' });
    await admin.query("update lamps set by = 'eve' where id = $1", [id]);
    expect(await things().counts(id, { ...read, by: 'eve' })).toBe(false);
    expect(audit.ofType('row.rejected')).toHaveLength(1);
  });

  it.each([
    ['writes it anew', light.bind(undefined, 'ada'), { by: 'ada' }],
    ['ends it', () => light('ada', false), undefined],
  ])('is ignored by a command that %s, if an attacker has written the row', async (_, ask, expected) => {
    await run(light('ada'));
    await admin.query("update lamps set by = 'eve' where id = $1", [id]);
    await expect(run(ask())).rejects.toMatchObject({ code: 'authority_unproven' });
    await run(ask(), anew);
    expect(changes()[1]?.data).toMatchObject({ previous: changes()[0]?.id });
    const found = await things().find(id);
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject(expected);
  });
});

describe('a refusal', () => {
  it.each([
    ['by a check is recorded with what was found', { lamp: 'broken', found: true }],
    ['before anything was found says so', { lamp: 'gone', found: false }],
  ])('%s', async (_, { lamp: state, found }) => {
    const refuse = () => {
      throw new CodedError({ code: `lamp_${state}`, category: 'conflict', detail: 'No.' });
    };
    const command: typeof turn = {
      ...turn,
      facts: async () => (found ? { broken: true } : refuse()),
      check: async () => refuse(),
      refused: (error, { ask, facts }) => ({
        ...{ id: newId('record', from), type: 'access.refused', source: 'test', outcome: 'deny', reason: error.code },
        data: { lamp: ask.lamp, broken: facts?.broken ?? 'unknown' },
      }),
    };
    await expect(node().run(command, light('ada'))).rejects.toMatchObject({ code: `lamp_${state}` });
    expect(audit.records).toMatchObject([{ reason: `lamp_${state}`, data: { broken: found ? true : 'unknown' } }]);
  });
});

describe('a state that a record carries only in part', () => {
  const half: typeof lamps = {
    ...lamps,
    carried: ({ lit }) => ({ lit }),
    stateOf: (carried, _id, data) => ({
      ...(carried as unknown as Pick<Lamp, 'lit'>),
      by: (data as { readonly of?: string }).of ?? 'nobody',
    }),
  };
  const halfTurn: typeof turn = {
    ...turn,
    kind: half,
    record: ({ ask }) => ({ type: 'incident.declared', outcome: 'done', data: { of: ask.by } }),
  };

  it('is completed with the other members of its record', async () => {
    stopsAfterRecord = true;
    await expect(node(audit, half).run(halfTurn, light('ada'))).rejects.toThrow('the process died');
    expect(changes()[0]?.data).toMatchObject({ after: { lit: true }, of: 'ada' });
    expect(await node(audit, half).things.find(id)).toMatchObject({ lit: true, by: 'ada' });
  });

  it('counts for nothing if that is not the current standing', async () => {
    const silent: typeof turn = { ...halfTurn, record: turn.record };
    stopsAfterRecord = true;
    await expect(node(audit, half).run(silent, light('ada'))).rejects.toThrow('the process died');
    await expect(node(audit, half).things.find(id)).rejects.toMatchObject({ code: 'authority_unproven' });
    expect(await read(admin, id)).toBeUndefined();
  });
});

describe('a kind that compares its rows with the log itself', () => {
  const completed: LampId[] = [];
  const proven: ProvenKind<LampId, Lamp, Row> = {
    kind: 'lamp',
    proven: true,
    hold: async (session, lamp) => (await read(session, lamp, 'for update')) !== undefined,
    async complete(session, lamp) {
      const row = await read(session, lamp);
      const newest = (await audit.standings([`lamp:${lamp}`])).get(`lamp:${lamp}`);
      if (newest === undefined || newest.record === row?.record) return newest && row;
      const data: unknown = (await audit.find(newest.record))?.record.data ?? {};
      const { shines } = data as { readonly shines: Lamp };
      completed.push(lamp);
      await lamps.put(session, shines, { id: lamp, record: newest.record });
      return { ...shines, record: newest.record };
    },
    recordOf: lamps.recordOf,
    content: lamps.content,
    carries: ({ lit, by }) => ({ shines: { lit, by } }),
    put: lamps.put,
  };
  const turnProven: typeof turn = { ...turn, kind: proven };

  it('records what it reads from its records, and nothing else', async () => {
    await node().run(turnProven, light('ada'));
    await node().run(turnProven, light('ben'));
    expect(changes().map(({ data }) => data)).toEqual(
      ['ada', 'ben'].map((by) => ({ lamp: id, shines: { lit: true, by } })),
    );
    expect(changes()[1]?.standing).toEqual([standing(`lamp:${id}`, { lit: true, by: 'ben' })]);
  });

  it.each([
    ['the first', []],
    ['a later one', ['before']],
  ])('continues after a process that stopped: %s', async (_, earlier) => {
    for (const by of earlier) await node().run(turnProven, light(by));
    stopsAfterRecord = true;
    await expect(node().run(turnProven, light('ada'))).rejects.toThrow('the process died');
    expect(await node().run(turnProven, light('ada'))).toBe('already ada');
    expect(changes()).toHaveLength(earlier.length + 1);
    expect(await read(admin, id)).toMatchObject({ by: 'ada' });
  });

  it('is changed once by fifty simultaneous commands on two nodes', async () => {
    const nodes = [node(), node()];
    await Promise.all(Array.from({ length: 50 }, (_, index) => nodes[index % 2]?.run(turnProven, light('ada'))));
    expect(changes()).toHaveLength(1);
    // A row being written by another command is not completed here.
    expect(completed).not.toContain(id);
  });

  it('continues from the record and not from an attacker’s row', async () => {
    await node().run(turnProven, light('ada'));
    await admin.query(`update lamps set by = 'thief', record = 'rec_x' where id = $1`, [id]);
    expect(await node().run(turnProven, light('ada'))).toBe('already ada');
    expect(await read(admin, id)).toMatchObject({ by: 'ada' });
  });
});
