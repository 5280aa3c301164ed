import { newId, systemRandom } from '@countersign/kernel';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLimitsWorld, type LimitsWorld, newTransactionId, orderFacts } from '../testing/limits-world.ts';
import type { LimitsComponent } from './limits.ts';

const perTrader = {
  id: 'trader-day',
  measure: 'notional',
  per: ['trader'],
  window: { rolling_seconds: 86_400 },
  max: '1000',
  unit: 'EUR',
};
const refused = { code: 'authority_unproven' };
const tables = ['limit_counters', 'limit_sums', 'limit_holds', 'limit_amounts'];

// Every attack below uses a connection with this component's database role.

describe('a thief with the database role of the policy engine, attacking limits,', () => {
  let world: LimitsWorld;
  let limits: LimitsComponent;
  let thief: pg.Pool;
  beforeEach(async () => {
    world = await createLimitsWorld([perTrader]);
    limits = world.node();
    thief = world.scratch.pool('policy-engine');
  });
  afterEach(() => world.close());

  const reserve = (notional: string, initiator = 'person:tess', id = newTransactionId()) => {
    const facts = orderFacts({ id, notional, initiator });
    return limits.reserve({ reservation: facts.id, facts, at: world.clock.now() });
  };
  const read = (initiator = 'person:tess', id = newTransactionId()) =>
    limits.read({ facts: orderFacts({ id, notional: '1', initiator }), at: world.clock.now() });
  const usedOf = async (initiator = 'person:tess') => (await read(initiator)).readings[0]?.used;

  /** The record of the step names the counters, as the registry writes it. */
  async function record(outcome: Awaited<ReturnType<typeof reserve>>): Promise<void> {
    if (outcome.outcome !== 'reserved' || outcome.standing === undefined) throw new Error('it was not reserved');
    await world.audit.append({
      id: newId('record', { clock: world.clock, random: systemRandom }),
      type: 'limit.released',
      source: 'policy-engine',
      outcome: 'done',
      data: { reservation: 'a step', taken: 'of the registry' },
      standing: outcome.standing,
    });
  }
  async function submit(notional: string, initiator?: string) {
    const id = newTransactionId();
    await record(await reserve(notional, initiator, id));
    await limits.commit(id);
    return id;
  }
  /** Copies all rows and returns a function that restores them. */
  async function copied(): Promise<() => Promise<void>> {
    const copies = await Promise.all(
      tables.map(async (table) => {
        const { rows } = await thief.query<{ rows: unknown }>(`select json_agg(to_jsonb(t)) as rows from ${table} t`);
        return { table, rows: JSON.stringify(rows[0]?.rows ?? []) };
      }),
    );
    return async () => {
      for (const { table } of copies.toReversed()) await thief.query(`delete from ${table}`);
      for (const { table, rows } of copies)
        await thief.query(
          `insert into ${table} overriding system value select * from json_populate_recordset(null::${table}, $1)`,
          [rows],
        );
    };
  }
  async function expectRefused(initiator?: string): Promise<void> {
    await expect(reserve('1', initiator)).rejects.toMatchObject(refused);
    await expect(read(initiator)).rejects.toMatchObject(refused);
    const of = world.audit.ofType('row.rejected').map(({ data }) => (data as { of: string }).of);
    expect(of).toContainEqual(expect.stringMatching(/^limit-(counter|hold):/));
  }

  it.each([
    ['lowers the used amount', `update limit_sums set amount = 1`],
    ['deletes what was used', `delete from limit_sums`],
    ['has it expire', `update limit_sums set expires_at = 0`],
    ['moves it to a time that nobody counts', `update limit_sums set starts = 0, ends = 1`],
    [
      'has the seal begin behind it',
      `update limit_counters set sealed_from = sealed_from + 1e9; delete from limit_sums`,
    ],
    ['takes the seal away', `update limit_counters set seal = null`],
    [
      'makes a counter look as it was never taken from',
      `update limit_counters set seal = null, sealed_from = null, revision = 0; delete from limit_sums`,
    ],
    ['deletes the counter', `delete from limit_amounts; delete from limit_sums; delete from limit_counters`],
    ['counts its revisions on', `update limit_counters set revision = revision + 5; delete from limit_sums`],
    ['renames the counter', `update limit_counters set key = 'trader=person:nobody'`],
  ])('gets no permit when the thief %s', async (_, sql) => {
    await submit('900');
    await thief.query(sql);
    await expectRefused();
  });

  it('gets none by restoring older rows, for one order or many', async () => {
    await submit('100');
    const back = await copied();
    await submit('200');
    const later = await copied();
    await submit('600');
    await back();
    await expectRefused();
    await later();
    await expectRefused();
  });

  const exchange = (table: string, columns: readonly string[], id: string) =>
    `update ${table} t set ${columns.map((column) => `${column} = o.${column}`).join(', ')} from ${table} o where o.${id} <> t.${id}`;
  it.each([
    ['sums', exchange('limit_sums', ['amount'], 'counter')],
    [
      'sums and seals',
      `${exchange('limit_sums', ['amount'], 'counter')}; ${exchange('limit_counters', ['seal', 'revision', 'sealed_from'], 'id')}`,
    ],
    [
      'keys',
      `update limit_counters set key = key || '?';
       ${exchange('limit_counters', ['key'], 'id').replace('= o.key', `= rtrim(o.key, '?')`)}`,
    ],
  ])('gets none by swapping the %s of two traders', async (_, sql) => {
    await submit('900');
    await submit('1', 'person:tom');
    await thief.query(sql);
    await expectRefused();
    await expectRefused('person:tom');
  });

  it('cannot have an uncounted order taken as counted', async () => {
    const id = newTransactionId();
    const hold = `insert into limit_holds (reservation, state, attempt, touched_at, readings, expires_at, taken, seal)`;
    await thief.query(`${hold} values ($1, 'committed', 1, 0, '[]', 9e15, 'x', null)`, [id]);
    await expect(reserve('5000', 'person:tess', id)).rejects.toMatchObject(refused);
    await expect(read('person:tess', id)).rejects.toMatchObject(refused);
    const other = await submit('10');
    await thief.query('delete from limit_holds where reservation = $1', [id]);
    await thief.query(
      `${hold} select $1, state, attempt, touched_at, readings, expires_at, taken, seal from limit_holds where reservation = $2`,
      [id, other],
    );
    await expect(reserve('5000', 'person:tess', id)).rejects.toMatchObject(refused);
  });

  it('cannot have more released than was taken', async () => {
    await submit('900');
    const id = await submit('50');
    await thief.query('update limit_amounts set amount = 900 where reservation = $1', [id]);
    await expect(limits.release(id)).rejects.toMatchObject(refused);
    expect(await usedOf()).toBe('950');
  });

  it('cannot have an amount released twice, nor a released order taken as counted', async () => {
    await submit('400');
    const id = await submit('500');
    const held = await thief.query('select to_jsonb(h) as row from limit_holds h where reservation = $1', [id]);
    const amounts = await thief.query('select to_jsonb(a) as row from limit_amounts a where reservation = $1', [id]);
    await limits.release(id);
    expect(await usedOf()).toBe('400');
    const insertValue = async (state: string) => {
      await thief.query('delete from limit_holds where reservation = $1', [id]);
      await thief.query('insert into limit_holds select * from jsonb_populate_record(null::limit_holds, $1)', [
        { ...held.rows[0].row, state },
      ]);
      await thief.query('insert into limit_amounts select * from jsonb_populate_record(null::limit_amounts, $1)', [
        amounts.rows[0].row,
      ]);
    };
    await insertValue('committed');
    await expect(reserve('500', 'person:tess', id)).rejects.toMatchObject(refused);
    await expect(read('person:tess', id)).rejects.toMatchObject(refused);
    await expect(limits.release(id)).rejects.toMatchObject(refused);
    await insertValue('reserved');
    // A node that never released it settles open reservations.
    world.clock.advance(60_000);
    world.orders.set(id, false);
    const other = world.node();
    expect(await other.settle()).toBe(1);
    expect(await other.settle()).toBe(0);
    expect(await usedOf()).toBe('400');
    expect(
      world.audit.ofType('limit.released').filter(({ data }) => (data as { reservation: string }).reservation === id),
    ).toHaveLength(1);
  });

  it('cannot get an older counter past the record by having orders released on top of it', async () => {
    const [first, second] = [await submit('100'), await submit('100')];
    const back = await copied();
    await submit('700');
    await back();
    for (const id of [first, second]) await expect(limits.release(id)).rejects.toMatchObject(refused);
    await expectRefused();
  });

  it('is detected without false alarms: records out of order, releases, time and sweeps all pass', async () => {
    const [first, second] = [await reserve('100'), await reserve('200')];
    const cancelled = await submit('300');
    // The record of the later step was written before those of the earlier ones.
    await record(second);
    await record(first);
    await limits.release(cancelled);
    await limits.release(cancelled);
    expect(await usedOf()).toBe('300');
    for (const hours of [20, 30, 1, 3]) {
      world.clock.advance(hours * 3_600_000);
      await submit('10');
    }
    world.clock.advance(3 * 86_400_000);
    await world.node().sweep();
    expect((await thief.query('select from limit_sums')).rowCount).toBe(0);
    expect(await usedOf()).toBe('0');
    await submit('1000');
    expect((await reserve('1')).outcome).toBe('exceeded');
    expect(world.audit.ofType('row.rejected')).toEqual([]);
  });

  it('cannot block the release of an order once the log can be written again', async () => {
    const id = await submit('500');
    world.audit.breakDown('writing');
    await expect(limits.release(id)).rejects.toMatchObject({ code: 'log_unavailable' });
    world.audit.repair();
    expect(await usedOf()).toBe('500');
    await limits.release(id);
    expect(await usedOf()).toBe('0');
  });
});
