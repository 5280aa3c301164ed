import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStandingCheck, type RecordDraft } from '@countersign/contracts';
import { CodedError, type Json, newId, type RecordId, systemRandom } from '@countersign/kernel';
import type { ScratchDatabase } from '@countersign/runtime';
import { createAuditCollector, createTestDatabase, fixedClock } from '@countersign/testkit';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Command } from './command.ts';
import { createCommands } from './commands.ts';
import { createRecordedThings, type RecordedKind } from './recorded-things.ts';

// A lamp that is lit and put out, on a real database: the smallest thing that can be recorded and stored apart.

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
let audit: ReturnType<typeof createAuditCollector>;
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
  audit = createAuditCollector(clock);
  told.length = 0;
  followed.length = 0;
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
    if (dies) {
      dies = false;
      throw new Error('the process died');
    }
    await session.query(
      `insert into lamps (id, lit, by, record) values ($1, $2, $3, $4)
       on conflict (id) do update set lit = excluded.lit, by = excluded.by, record = excluded.record`,
      [change.id, lit, by, change.record],
    );
  },
};

/** The next write of a row does not come about: as when a process dies after its record. */
let dies = false;
const told: string[] = [];
const followed: string[] = [];

interface Ask {
  readonly lamp: LampId;
  readonly lit: boolean;
  readonly by: string;
}

const turn: Command<Ask, LampId, Lamp, Row, { readonly broken: boolean }, string> = {
  name: 'lamp.turn',
  kind: lamps,
  about: ({ lamp }) => lamp,
  facts: async () => ({ broken: false }),
  done: ({ ask, row }) =>
    row !== undefined && row.lit === ask.lit && row.by === ask.by ? `already ${row.by}` : undefined,
  async check({ ask }) {
    if (ask.by === 'nobody') throw new CodedError({ code: 'lamp_not_yours', category: 'forbidden', detail: 'No.' });
  },
  next: ({ ask: { lit, by } }) => ({ lit, by }),
  before: async ({ ask }) => void told.push(ask.by),
  record: ({ ask }) => ({ type: 'break-glass.test' as RecordDraft['type'], outcome: 'done', data: { lamp: ask.lamp } }),
  ends: ({ lit }) => !lit,
  refused: (error, { ask }) => ({
    ...{ id: newId('record', from), type: 'access.refused', source: 'test', outcome: 'deny', reason: error.code },
    data: { lamp: ask.lamp },
  }),
  after: async ({ ask }) => void followed.push(ask.by),
  release: ({ by }, { record }) => `${by} ${record}`,
};

function node(log = audit) {
  const check = createStandingCheck({ ...from, log, source: 'test' });
  const parts = { pool, log, check, source: 'test' as const, clock };
  return { ...createCommands(parts), things: createRecordedThings(lamps, parts) };
}
const changes = () => audit.records.filter(({ type }) => (type as string) === 'break-glass.test');
const light = (by: string, lit = true): Ask => ({ lamp: id, lit, by });

describe('a command', () => {
  it('is recorded with what stands from then on, and then its row says it', async () => {
    const answer = await node().run(turn, light('ada'));
    const [record] = changes();
    expect(answer).toBe(`ada ${record?.id}`);
    expect(record).toMatchObject({ source: 'test', data: { lamp: id, after: { lit: true, by: 'ada' } } });
    expect(record?.data).not.toHaveProperty('previous');
    expect(await node().things.find(id)).toEqual({ lit: true, by: 'ada', record: record?.id });
    await node().run(turn, light('ben'));
    expect(changes()[1]?.data).toMatchObject({ previous: record?.id });
    expect([told, followed]).toEqual([
      ['ada', 'ben'],
      ['ada', 'ben'],
    ]);
  });

  it('that cannot be recorded changes nothing', async () => {
    audit.breakDown();
    await expect(node().run(turn, light('ada'))).rejects.toMatchObject({ code: 'log_unavailable' });
    expect(await read(admin, id)).toBeUndefined();
  });

  it('that is refused is recorded as refused, and nothing is told', async () => {
    await expect(node().run(turn, light('nobody'))).rejects.toMatchObject({ code: 'lamp_not_yours' });
    expect(audit.records.map(({ type, reason }) => [type, reason])).toEqual([['access.refused', 'lamp_not_yours']]);
    expect([await read(admin, id), told]).toEqual([undefined, []]);
  });

  it('that does not know whether the refusal was recorded says so', async () => {
    audit.breakDown();
    await expect(node().run(turn, light('nobody'))).rejects.toMatchObject({ code: 'log_unavailable' });
  });

  it('of fifty at once on two nodes is recorded once', async () => {
    const nodes = [node(), node()];
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => nodes[index % 2]?.run(turn, light('ada'))),
    );
    expect(changes()).toHaveLength(1);
    expect(answers.filter((answer) => answer === 'already ada')).toHaveLength(49);
  });

  it('of different people at once loses none, and each follows the one before', async () => {
    const nodes = [node(), node()];
    await Promise.all(Array.from({ length: 12 }, (_, index) => nodes[index % 2]?.run(turn, light(`person-${index}`))));
    const records = changes();
    expect(records).toHaveLength(12);
    for (const [index, { data }] of records.entries())
      expect((data as { previous?: string }).previous).toBe(records[index - 1]?.id);
  });
});

describe('where a process dies after the record', () => {
  const interrupted = async (ask: Ask) => {
    dies = true;
    await expect(node().run(turn, ask)).rejects.toThrow('the process died');
  };

  it.each([
    ['the first', []],
    ['a later one', ['before']],
  ])('%s is completed by whoever looks, with the same record', async (_, earlier) => {
    for (const by of earlier) await node().run(turn, light(by));
    await interrupted(light('ada'));
    const before = changes().length;
    expect(await node().things.find(id)).toMatchObject({ lit: true, by: 'ada', record: changes().at(-1)?.id });
    expect(changes()).toHaveLength(before);
    expect(await read(admin, id)).toMatchObject({ by: 'ada' });
  });

  it('whoever repeats it is answered, and nothing is recorded a second time', async () => {
    await interrupted(light('ada'));
    expect(await node().run(turn, light('ada'))).toBe('already ada');
    expect(changes()).toHaveLength(1);
  });

  it('whoever does something else goes on from what was recorded', async () => {
    await interrupted(light('ada'));
    await node().run(turn, light('ben'));
    expect(changes().map(({ data }) => (data as unknown as { after: Lamp }).after.by)).toEqual(['ada', 'ben']);
    expect(await node().things.find(id)).toMatchObject({ by: 'ben' });
  });

  it('an end is completed as well, and counts before it is', async () => {
    await node().run(turn, light('ada'));
    await interrupted(light('ada', false));
    expect(await node().things.find(id)).toMatchObject({ lit: false });
    expect(await node().run(turn, light('ada', false))).toBe('already ada');
  });

  it('a refusal that follows undoes nothing of it', async () => {
    await interrupted(light('ada'));
    await expect(node().run(turn, light('nobody'))).rejects.toMatchObject({ code: 'lamp_not_yours' });
    expect(await read(admin, id)).toMatchObject({ by: 'ada' });
  });
});

describe('a row that somebody else has written', () => {
  const forge = (change: string) => admin.query(`update lamps set ${change} where id = $1`, [id]);

  it.each(["by = 'eve'", 'lit = false', "record = 'rec_other', by = 'eve'"])(
    'counts for nothing: %s',
    async (change) => {
      await node().run(turn, light('ada'));
      await forge(change);
      await expect(node().things.find(id)).rejects.toMatchObject({ code: 'authority_unproven' });
      await expect(node().run(turn, light('ben'))).rejects.toMatchObject({ code: 'authority_unproven' });
      expect(changes()).toHaveLength(1);
      expect(audit.ofType('standing.contradicted')).not.toEqual([]);
    },
  );

  it('does not bring back what has ended', async () => {
    await node().run(turn, light('ada'));
    await node().run(turn, light('ada', false));
    await forge('lit = true');
    await expect(node().things.find(id)).rejects.toMatchObject({ code: 'authority_unproven' });
  });

  it('is none where no record is about it', async () => {
    await admin.query("insert into lamps values ($1, true, 'eve', 'rec_x')", [id]);
    await expect(node().things.find(id)).rejects.toMatchObject({ code: 'authority_unproven' });
  });

  it('put back to what it was before is written anew, and taken away as well', async () => {
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
