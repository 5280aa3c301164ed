import type { Json, TransactionId } from '@countersign/kernel';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { broker, custodian, venue } from '../../consent-store/src/testing/firms.ts';
import { approvalClaims } from './testing/approver.ts';
import { createTradingWorld, supervisor, type TradingWorld, trader } from './testing/trading-world.ts';

let world: TradingWorld;
beforeAll(async () => {
  world = await createTradingWorld();
});
afterEach(() => world.limitTo());
afterAll(() => world.close());

const coded = (code: string, facts?: unknown) =>
  expect.objectContaining({ code, ...(facts === undefined ? {} : { facts: expect.objectContaining(facts) }) });
const eur = (amount: string) => ({ max_notional: { amount, ccy: 'EUR' } });
const recordsOf = (id: TransactionId, type: string) => world.recordsOf(id).filter((record) => record.type === type);

let count = 0;
/** A limit by trader under which no other test has counted. @returns its id */
function traderLimit(max: string, changes: Readonly<Record<string, Json>> = {}): string {
  const id = `trader-${++count}`;
  const limit = { id, measure: 'notional', per: ['trader'], window: { rolling_seconds: 86_400 }, max, unit: 'EUR' };
  world.limitTo({ ...limit, ...changes });
  return id;
}
async function order(amount: string) {
  const { root } = await world.mandates();
  return { root, ...(await world.open(root, eur(amount))) };
}

describe('a limit of the policies', () => {
  it('blocks an order above it, and records the reading', async () => {
    const limit = traderLimit('1000000');
    const first = await order('600000');
    await world.report(first.id, 'submit');
    const second = await order('400001');
    await expect(world.report(second.id, 'submit')).rejects.toThrow(
      coded('limit_exceeded', { limit, unit: 'EUR', headroom: '400000' }),
    );
    const reading = { limit, key: `trader=${trader.id}`, window: 'PT86400S', max: '1000000' };
    expect(recordsOf(second.id, 'transaction.refused')).toMatchObject([
      {
        reason: 'limit_exceeded',
        data: { facts: { readings: [{ ...reading, used: '600000', amount: '400001' }, {}] } },
      },
    ]);
    expect(recordsOf(first.id, 'transaction.transitioned')).toMatchObject([
      {
        data: {
          limits: [
            { ...reading, used: '0', amount: '600000', headroom: '1000000' },
            { limit: 'mandate_notional_per_day', key: `mandate:${first.root.id}`, used: '0' },
          ],
        },
      },
    ]);
    // Nothing was reserved, so there is room for a smaller one.
    await world.report((await order('400000')).id, 'submit');
  });

  it('is named in the record of each step that reserves from it, so that counters cannot be set back', async () => {
    const limit = traderLimit('1000000');
    const before = await order('400000');
    await world.report(before.id, 'submit');
    const thief = world.scratch.pool('policy-engine');
    const counter = 'c.limit_id = $1';
    const { rows } = await thief.query(
      `select c.revision, c.seal, s.amount from limit_counters c join limit_sums s on s.counter = c.id where ${counter}`,
      [limit],
    );
    const after = await order('500000');
    await world.report(after.id, 'submit');
    const [step] = recordsOf(after.id, 'transaction.transitioned');
    expect(step?.standing?.filter(({ of }) => of.startsWith('limit-counter:'))).toHaveLength(2);
    await thief.query(
      `with s as (update limit_sums s set amount = $4 from limit_counters c where c.id = s.counter and ${counter})
       update limit_counters c set revision = $2, seal = $3 where ${counter}`,
      [limit, rows[0].revision, rows[0].seal, rows[0].amount],
    );
    const refused = await order('400000');
    await expect(world.report(refused.id, 'submit')).rejects.toThrow(coded('authority_unproven'));
    expect(await world.registry.facts(refused.id)).toMatchObject({ state: 'intended' });
  });

  it('charges nothing to the mandate for an order that it blocks, nor the other way round', async () => {
    traderLimit('1000000');
    const held = await order('1000000');
    await world.report(held.id, 'submit');
    const refused = await order('1');
    await expect(world.report(refused.id, 'submit')).rejects.toThrow(coded('limit_exceeded'));
    expect(await world.used(`mandate:${refused.root.id}`)).toBe('0');
  });

  it('may be exceeded with an approval that it names, which is requested first', async () => {
    const limit = traderLimit('100', { overridable_by: 'supervisor' });
    const { id, ...opened } = await order('200');
    const obligations = [{ kind: 'approval', role: 'supervisor', count: 1, escalation: [] }];
    await expect(world.report(id, 'submit')).rejects.toThrow(coded('limit_exceeded', { limit, obligations }));
    const key = world.keyOf(supervisor);
    await world.registry.approve(id, key.sign(approvalClaims(supervisor, { id, ...opened }, world.clock.now())));
    await world.report(id, 'submit');
    expect(recordsOf(id, 'transaction.transitioned')).toMatchObject([
      { data: { limits: [{ limit, overridden_by: 'supervisor' }, {}] } },
    ]);
  });

  it('refuses and records what it cannot count without a rate', async () => {
    traderLimit('1000000', { unit: 'USD' });
    const { id } = await order('1');
    await expect(world.report(id, 'submit')).rejects.toThrow(coded('limit_currency'));
    expect(recordsOf(id, 'transaction.refused')).toMatchObject([{ reason: 'limit_currency' }]);
  });

  it('is not exceeded by concurrent orders on two registries', async () => {
    const limit = traderLimit('1000000');
    const second = world.registryWith({ policyEngine: { ...world.policyEngine, limits: world.limitsNode() } });
    const orders = await Promise.all(Array.from({ length: 16 }, () => order('150000')));
    const attempts = await Promise.allSettled(
      orders.map(({ id }, index) => world.report(id, 'submit', index % 2 === 0 ? {} : { on: second })),
    );
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(6);
    for (const attempt of attempts)
      if (attempt.status === 'rejected')
        expect(attempt.reason).toEqual(coded('limit_exceeded', { headroom: '100000' }));
    expect(await world.used('trader=', limit)).toBe('900000');
  });
});

describe('an order whose process died', () => {
  /** Submits or cancels it with one limit call left out, as if the process had died there. */
  async function dieBefore(step: 'commit' | 'release', event: 'submit' | 'cancel', id: TransactionId): Promise<void> {
    const limits = { ...world.limits, [step]: () => Promise.reject(new Error('the process has ended')) };
    await world.report(id, event, { on: world.registryWith({ policyEngine: { ...world.policyEngine, limits } }) });
  }
  const later = () => world.clock.advance(31_000);

  it('counts when it had been submitted', async () => {
    const { id, root } = await order('1000');
    await dieBefore('commit', 'submit', id);
    later();
    expect(await world.limits.settle()).toBe(1);
    expect(await world.limits.settle()).toBe(0);
    expect(await world.used(`mandate:${root.id}`)).toBe('1000');
  });

  it('counts when its submission was recorded but not stored', async () => {
    const { id, root } = await order('1000');
    const admin = world.scratch.pool('transaction-registry');
    world.audit.afterNextAppend(async () => {
      await admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and usename = current_user and pid <> pg_backend_pid()`,
      );
    });
    await expect(world.report(id, 'submit')).rejects.toThrow(coded('database_unavailable'));
    expect(await world.used(`mandate:${root.id}`)).toBe('1000');
    later();
    expect(await world.limits.settle()).toBe(1);
    expect(await world.used(`mandate:${root.id}`)).toBe('1000');
    expect(await world.registry.facts(id)).toMatchObject({ state: 'submitted' });
  });

  it('no longer counts when it had been cancelled', async () => {
    const { id, root } = await order('1000');
    await world.report(id, 'submit');
    await dieBefore('release', 'cancel', id);
    expect(await world.used(`mandate:${root.id}`)).toBe('1000');
    later();
    expect(await world.limits.settle()).toBe(1);
    expect(await world.used(`mandate:${root.id}`)).toBe('0');
  });

  it('keeps counting when its cancellation could not be recorded', async () => {
    const { id, root } = await order('1000');
    await world.report(id, 'submit');
    world.audit.breakDown('writing');
    await expect(world.report(id, 'cancel')).rejects.toThrow(coded('log_unavailable'));
    world.audit.repair();
    later();
    expect(await world.limits.settle()).toBe(1);
    expect(await world.used(`mandate:${root.id}`)).toBe('1000');
  });
});

describe('whether an order counts', () => {
  it('is defined for every state', async () => {
    const { id } = await order('100000');
    const counts = () => world.registry.countsAgainstLimits(id);
    expect(await counts()).toBe(false);
    for (const event of ['submit', 'execute', 'clear', 'settle'] as const) {
      await world.report(id, event);
      expect(await counts()).toBe(true);
    }
    const cancelled = await order('1000');
    await world.report(cancelled.id, 'submit');
    await world.report(cancelled.id, 'cancel');
    expect(await world.registry.countsAgainstLimits(cancelled.id)).toBe(false);
    expect(await world.registry.countsAgainstLimits('txn_01k9z3m8q4d6s0v2x5y7a9b1c3' as TransactionId)).toBeUndefined();
  });

  it('is answered only when a submission under way has ended', async () => {
    const { id } = await order('1000');
    let asked: Promise<boolean | undefined> | undefined;
    world.audit.afterNextAppend(async () => {
      asked = world.registry.countsAgainstLimits(id);
      // The caller is waiting for the row lock by now; otherwise it would have answered.
      await expect
        .poll(async () => {
          const { rows } = await world.scratch
            .pool('transaction-registry')
            .query(
              `select count(*)::int as waiting from pg_stat_activity where wait_event_type = 'Lock' and usename = current_user`,
            );
          return rows[0]?.waiting;
        })
        .toBe(1);
    });
    await world.report(id, 'submit');
    expect(await asked).toBe(true);
  });

  it('is not guessed while the row cannot be read', async () => {
    const { id } = await order('1000');
    const impatient = world.registryWith({ pool: world.scratch.pool('transaction-registry', { lockTimeoutMs: 100 }) });
    const client = await world.scratch.pool('transaction-registry').connect();
    try {
      await client.query('begin');
      await client.query('select from transactions where id = $1 for update', [id]);
      await expect(impatient.countsAgainstLimits(id)).rejects.toThrow(coded('database_unavailable'));
      await client.query('rollback');
    } finally {
      client.release();
    }
  });
});

describe('the parties of a transaction', () => {
  it('are its initiator, the represented institution and those it lists; none for an unknown transaction', async () => {
    const { id } = await order('1');
    const parties = await world.registry.parties(id);
    expect(parties).toEqual(expect.arrayContaining([broker, venue, custodian]));
    expect(new Set(parties).size).toBe(parties.length);
    expect(await world.registry.parties('txn_01k9z3m8q4d6s0v2x5y7a9b1c3' as TransactionId)).toEqual([]);
  });
});
