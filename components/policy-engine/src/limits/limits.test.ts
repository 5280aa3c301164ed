import type { LimitClaim, ReserveOutcome } from '@countersign/contracts';
import { isCodedError, type Json } from '@countersign/kernel';
import { afterEach, describe, expect, it } from 'vitest';
import {
  broker,
  createLimitsWorld,
  type LimitsWorld,
  newTransactionId,
  type OrderOptions,
  orderFacts,
} from '../testing/limits-world.ts';
import type { LimitsComponent } from './limits.ts';

const dayNotional = {
  id: 'trader-day',
  measure: 'notional',
  per: ['trader'],
  window: { rolling_seconds: 86_400 },
  max: '1000',
  unit: 'EUR',
};
const orderNotional = { id: 'order', measure: 'notional', per: ['trader'], window: 'order', max: '500', unit: 'EUR' };

let world: LimitsWorld;
afterEach(() => world.close());

async function start(definitions: readonly Json[] = [dayNotional], rates: Readonly<Record<string, string>> = {}) {
  world = await createLimitsWorld(definitions, rates);
  return world.node();
}
function reserve(limits: LimitsComponent, options: OrderOptions = {}, further: readonly LimitClaim[] = []) {
  const facts = orderFacts(options);
  return limits.reserve({ reservation: facts.id, facts, at: world.clock.now(), further });
}
async function usedOf(limits: LimitsComponent, options: OrderOptions = {}): Promise<string | undefined> {
  const { readings } = await limits.read({ facts: orderFacts(options), at: world.clock.now() });
  return readings[0]?.used;
}
const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'done';
  } catch (error) {
    return isCodedError(error) ? error.code : String(error);
  }
};

describe('a reservation', () => {
  it('takes an amount out of the headroom and returns the reading', async () => {
    const limits = await start();
    expect(await reserve(limits, { notional: '400' })).toEqual({
      outcome: 'reserved',
      readings: [
        {
          limit: 'trader-day',
          key: 'trader=person:tess',
          measure: 'notional',
          window: 'PT86400S',
          unit: 'EUR',
          max: '1000',
          used: '0',
          amount: '400',
          headroom: '1000',
        },
      ],
      standing: [{ of: expect.stringMatching(/^limit-counter:[\w-]{43}:000000000001$/), digest: expect.any(String) }],
    });
    expect(await reserve(limits, { notional: '600' })).toMatchObject({
      outcome: 'reserved',
      readings: [{ used: '400', headroom: '600' }],
    });
    expect(await reserve(limits, { notional: '0.01' })).toMatchObject({
      outcome: 'exceeded',
      exceeded: [{ limit: 'trader-day', used: '1000', headroom: '0' }],
      approvals: [],
    });
    expect(await reserve(limits, { notional: '1000', initiator: 'person:tom' })).toMatchObject({ outcome: 'reserved' });
  });

  it('counts once however often it is requested, with the same answer', async () => {
    const limits = await start();
    const id = newTransactionId();
    const first = await reserve(limits, { id, notional: '700' });
    expect(await reserve(limits, { id, notional: '700' })).toEqual(first);
    await limits.commit(id);
    expect(await reserve(limits, { id, notional: '700' })).toEqual(first);
    expect(await usedOf(limits)).toBe('700');
  });

  it('is all or nothing: if one limit has no room, no other is charged', async () => {
    const limits = await start([
      { ...dayNotional, id: 'wide', per: ['institution'], max: '100000' },
      { ...dayNotional, id: 'narrow' },
    ]);
    expect((await reserve(limits, { notional: '1001' })).outcome).toBe('exceeded');
    expect(await usedOf(limits)).toBe('0');
  });

  it('is refused above the limit for one order, whatever has been used', async () => {
    const limits = await start([orderNotional]);
    expect((await reserve(limits, { notional: '500' })).outcome).toBe('reserved');
    expect(await reserve(limits, { notional: '500.01' })).toMatchObject({
      outcome: 'exceeded',
      exceeded: [{ limit: 'order', window: 'order', used: '0', headroom: '500' }],
    });
  });

  it('names the limit that is exceeded most', async () => {
    const limits = await start([
      { ...dayNotional, id: 'a', max: '900' },
      { ...dayNotional, id: 'b', max: '10' },
      { ...dayNotional, id: 'c', max: '100000' },
    ]);
    const answer = await reserve(limits, { notional: '1000' });
    expect(answer.outcome === 'exceeded' ? answer.exceeded.map(({ limit }) => limit) : []).toEqual(['b', 'a']);
    expect(answer.readings).toHaveLength(3);
  });

  it('counts a quantity, and converts amounts in other currencies rounded up', async () => {
    const limits = await start(
      [dayNotional, { ...dayNotional, id: 'units', measure: 'quantity', unit: 'unit', max: '20', per: ['instrument'] }],
      { 'USD/EUR': '0.333333333333333333', 'JPY/EUR': '0.0062' },
    );
    // 1e-18 would be lost by rounding to the nearest.
    expect(await reserve(limits, { notional: '0.01', ccy: 'USD', qty: '5' })).toMatchObject({
      readings: [
        { unit: 'EUR', amount: '0.003333333333333334' },
        { unit: 'unit', amount: '5', key: 'instrument=US0378331005' },
      ],
    });
    expect(await codeOf(reserve(limits, { ccy: 'CHF' }))).toBe('limit_currency');
    expect(await reserve(limits, { qty: '16', initiator: 'person:tom' })).toMatchObject({
      outcome: 'exceeded',
      exceeded: [{ limit: 'units', used: '5', headroom: '15' }],
    });
  });

  it('refuses invalid amounts, and an order that cannot be read', async () => {
    const limits = await start();
    const facts = orderFacts();
    const claim: LimitClaim = {
      limit: 'mandate_notional_per_day',
      key: 'mandate:x',
      measure: 'notional',
      window: { kind: 'day', day: '2026-06-15' },
      unit: 'EUR',
      amount: '-1',
      max: '10',
    };
    expect(await codeOf(reserve(limits, {}, [claim]))).toBe('limit_amount');
    const unreadable = { ...facts, intent: { ...facts.intent, max_notional: 'much' } };
    expect(await codeOf(limits.reserve({ reservation: facts.id, facts: unreadable, at: 0 }))).toBe('limit_amount');
  });

  it('counts additional claims beside those of the policies, by their day', async () => {
    const limits = await start();
    const claim = (day: string, amount: string): LimitClaim => ({
      limit: 'mandate_notional_per_day',
      key: 'mandate:mnd_1',
      measure: 'notional',
      window: { kind: 'day', day },
      unit: 'EUR',
      amount,
      max: '100',
    });
    expect((await reserve(limits, { notional: '1' }, [claim('2026-06-15', '100')])).outcome).toBe('reserved');
    expect(await reserve(limits, { notional: '1' }, [claim('2026-06-15', '0.1')])).toMatchObject({
      outcome: 'exceeded',
      exceeded: [{ limit: 'mandate_notional_per_day', window: '2026-06-15', used: '100' }],
    });
    expect((await reserve(limits, { notional: '1' }, [claim('2026-06-16', '100')])).outcome).toBe('reserved');
    expect(await usedOf(limits)).toBe('2');
  });
});

describe('an approval', () => {
  const passable = { ...dayNotional, overridable_by: 'risk' };
  const risk = { approver: 'person:rita', role: 'risk', institution: broker };

  it('lets an order exceed a limit that allows it; the reading says so, and the order counts', async () => {
    const limits = await start([passable]);
    expect(await reserve(limits, { notional: '1500' })).toMatchObject({
      outcome: 'exceeded',
      approvals: [{ role: 'risk', count: 1 }],
    });
    const passed = await reserve(limits, { notional: '1500', approvals: [risk] });
    expect(passed).toMatchObject({ outcome: 'reserved', readings: [{ overriddenBy: 'risk', used: '0' }] });
    expect(await usedOf(limits)).toBe('1500');
  });

  it('is not mentioned when the order did not need it', async () => {
    const limits = await start([passable]);
    const { readings } = await reserve(limits, { notional: '1', approvals: [risk] });
    expect(readings[0]).not.toHaveProperty('overriddenBy');
  });

  it.each([
    ['of another role', { ...risk, role: 'supervisor' }],
    ['of another institution', { ...risk, institution: '529900T8BM49AURSDO55' }],
    ['of the initiator', { ...risk, approver: 'person:tess' }],
  ])('%s permits no excess', async (_, approval) => {
    const limits = await start([passable]);
    expect((await reserve(limits, { notional: '1500', approvals: [approval] })).outcome).toBe('exceeded');
  });

  it('is not requested if another limit allows no excess', async () => {
    const limits = await start([passable, { ...orderNotional, max: '100' }]);
    const answer: ReserveOutcome = await reserve(limits, { notional: '1500' });
    expect(answer).toMatchObject({ outcome: 'exceeded', approvals: [] });
  });
});

describe('a window', () => {
  it('releases an amount when its whole bucket has left, and not before', async () => {
    const limits = await start([{ ...dayNotional, window: { rolling_seconds: 960 } }]);
    // Buckets of ten seconds: this one ends 4 s after the order.
    world.clock.advance(6_000);
    await reserve(limits, { notional: '1000' });
    for (const seconds of [900, 60, 3]) {
      world.clock.advance(seconds * 1000);
      expect(await usedOf(limits)).toBe('1000');
    }
    world.clock.advance(1_000);
    expect(await usedOf(limits)).toBe('0');
    expect((await reserve(limits, { notional: '1000' })).outcome).toBe('reserved');
  });

  it('counts what a node with a faster clock has taken', async () => {
    const limits = await start();
    world.clock.advance(3_600_000);
    await reserve(limits, { notional: '1000' });
    world.clock.advance(-7_200_000);
    expect((await reserve(limits, { notional: '1' })).outcome).toBe('exceeded');
  });

  it('is deleted when nothing counts in it any longer', async () => {
    const limits = await start();
    const id = newTransactionId();
    await reserve(limits, { id, notional: '1000' });
    await limits.commit(id);
    world.clock.advance(2 * 86_400_000);
    expect(await limits.sweep()).toBe(0);
    world.clock.advance(86_400_000);
    expect(await limits.sweep()).toBe(1);
    const rows = await world.scratch
      .pool('policy-engine')
      .query(
        'select (select count(*)::int from limit_sums) + (select count(*)::int from limit_holds) + (select count(*)::int from limit_amounts) as left',
      );
    expect(rows.rows).toEqual([{ left: 0 }]);
  });

  it('keeps its count when the policies change the limit’s length or amount', async () => {
    const limits = await start();
    await reserve(limits, { notional: '400' });
    const changed = world.node({ definitions: [{ ...dayNotional, window: { rolling_seconds: 3_600 }, max: '300' }] });
    expect(await reserve(changed, { notional: '1' })).toMatchObject({
      outcome: 'exceeded',
      exceeded: [{ used: '400', max: '300', headroom: '0' }],
    });
  });
});

describe('the end of a reservation', () => {
  it('returns a released amount once, and it can then be taken again', async () => {
    const limits = await start();
    const id = newTransactionId();
    await reserve(limits, { id, notional: '1000' });
    await limits.release(id);
    await limits.release(id);
    await limits.release(newTransactionId());
    expect(await usedOf(limits)).toBe('0');
    await reserve(limits, { id, notional: '900' });
    expect(await usedOf(limits)).toBe('900');
  });

  it('returns a committed amount when the order is cancelled after all', async () => {
    const limits = await start();
    const id = newTransactionId();
    await reserve(limits, { id, notional: '1000' });
    await limits.commit(id);
    await limits.commit(id);
    await limits.release(id);
    expect(await usedOf(limits)).toBe('0');
  });

  it('refuses a commit after a release, or without a reservation', async () => {
    const limits = await start();
    const id = newTransactionId();
    await reserve(limits, { id });
    await limits.release(id);
    expect(await codeOf(limits.commit(id))).toBe('reservation_conflict');
    expect(await codeOf(limits.commit(newTransactionId()))).toBe('reservation_conflict');
  });

  it('is read as recorded while the order counts', async () => {
    const limits = await start();
    const facts = orderFacts({ notional: '1000' });
    const reserved = await limits.reserve({ reservation: facts.id, facts, at: world.clock.now() });
    expect(await limits.read({ facts, at: world.clock.now() })).toEqual(reserved);
    expect((await limits.read({ facts: orderFacts({ notional: '1' }), at: world.clock.now() })).outcome).toBe(
      'exceeded',
    );
  });
});

describe('an open reservation', () => {
  async function left(outcome: boolean | undefined | Error) {
    const limits = await start();
    const id = newTransactionId();
    await reserve(limits, { id, notional: '1000' });
    world.orders.set(id, outcome);
    return { limits, id };
  }

  it('is committed when its order stands', async () => {
    const { limits, id } = await left(true);
    world.clock.advance(31_000);
    expect(await limits.settle()).toBe(1);
    expect(await limits.settle()).toBe(0);
    await limits.commit(id);
    expect(await usedOf(limits)).toBe('1000');
  });

  it.each([
    ['does not stand', false],
    ['is not known', undefined],
  ])('is released when its order %s', async (_, outcome) => {
    const { limits, id } = await left(outcome);
    world.clock.advance(31_000);
    expect(await limits.settle()).toBe(1);
    expect(await usedOf(limits)).toBe('0');
    expect(await codeOf(limits.commit(id))).toBe('reservation_conflict');
  });

  it('keeps counting while the outcome is unknown, and does not block others from being settled', async () => {
    const { limits, id } = await left(new Error('out of reach'));
    const other = newTransactionId();
    await reserve(limits, { id: other, notional: '5', initiator: 'person:tom' });
    world.clock.advance(31_000);
    expect(await limits.settle()).toBe(1);
    expect(await usedOf(limits)).toBe('1000');
    expect(await usedOf(limits, { initiator: 'person:tom' })).toBe('0');
    world.orders.set(id, false);
    expect(await limits.settle()).toBe(1);
    expect(await usedOf(limits)).toBe('0');
  });

  it('is left alone until it is due', async () => {
    const { limits } = await left(false);
    world.clock.advance(29_000);
    expect(await limits.settle()).toBe(0);
    expect(await usedOf(limits)).toBe('1000');
  });

  it('is not released when the order was requested again since it was looked at', async () => {
    const limits = await start();
    const facts = orderFacts({ notional: '1000' });
    await limits.reserve({ reservation: facts.id, facts, at: world.clock.now() });
    world.clock.advance(31_000);
    // The registry's answer is on its way when the order comes again.
    world.orders.set(facts.id, async () => {
      await limits.reserve({ reservation: facts.id, facts, at: world.clock.now() });
      return false;
    });
    await limits.settle();
    expect(await usedOf(limits)).toBe('1000');
    await limits.commit(facts.id);
    expect(await usedOf(limits)).toBe('1000');
  });

  it('is in doubt again before a cancel, and a late commit does not end the doubt', async () => {
    const { limits, id } = await left(true);
    await limits.reopen(id);
    await limits.commit(id);
    world.clock.advance(31_000);
    world.orders.set(id, false);
    expect(await limits.settle()).toBe(1);
    expect(await usedOf(limits)).toBe('0');
  });

  it('is committed again when the cancel had no effect', async () => {
    const { limits, id } = await left(true);
    await limits.commit(id);
    await limits.reopen(id);
    world.clock.advance(31_000);
    expect(await limits.settle()).toBe(1);
    expect(await limits.settle()).toBe(0);
    expect(await usedOf(limits)).toBe('1000');
  });
});
