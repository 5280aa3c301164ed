import { newId, type TransactionId } from '@countersign/kernel';
import { seededRandom } from '@countersign/testkit';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { broker, clearer, createLimitsWorld, firm, type LimitsWorld, orderFacts } from '../testing/limits-world.ts';

let world: LimitsWorld;
afterEach(() => world.close());

const rolling = { rolling_seconds: 960 };
const perTrader = { id: 'trader', measure: 'notional', per: ['trader'], window: rolling, max: '1000', unit: 'EUR' };
const perCounterparty = { ...perTrader, id: 'counterparty', per: ['counterparty'], max: '100000' };
const perInstrument = { ...perTrader, id: 'instrument', per: ['instrument'], measure: 'quantity', unit: 'unit' };
const callers = 64;

describe('sixty-four concurrent callers on two nodes', () => {
  it('take exactly what is available', async () => {
    world = await createLimitsWorld([perTrader]);
    const nodes = [world.node(), world.node()] as const;
    const answers = await Promise.all(
      Array.from({ length: callers }, (_, index) => {
        const facts = orderFacts({ notional: '30' });
        const reserved = { reservation: facts.id, facts, at: world.clock.now() };
        return nodes[index % 2 === 0 ? 0 : 1].reserve(reserved);
      }),
    );
    // 33 times 30 is 990: one more would be 1,020.
    expect(answers.filter(({ outcome }) => outcome === 'reserved')).toHaveLength(33);
    const used = answers
      .filter(({ outcome }) => outcome === 'reserved')
      .map(({ readings }) => Number(readings[0]?.used));
    // Each reading includes all earlier ones: no two are the same.
    expect(used.sort((a, b) => a - b)).toEqual(Array.from({ length: 33 }, (_, index) => index * 30));
  });

  it('lose nothing while some are released and others committed', async () => {
    world = await createLimitsWorld([perTrader]);
    const nodes = [world.node(), world.node()] as const;
    const held = new Set<TransactionId>();
    const work = async (index: number): Promise<void> => {
      const [node, other] = index % 2 === 0 ? nodes : [nodes[1], nodes[0]];
      for (let turn = 0; turn < 4; turn++) {
        const facts = orderFacts({ notional: '50' });
        const { outcome } = await node.reserve({ reservation: facts.id, facts, at: world.clock.now() });
        if (outcome === 'exceeded') continue;
        if ((index + turn) % 3 === 0) {
          await node.commit(facts.id);
          held.add(facts.id);
        } else await Promise.all([other.release(facts.id), node.release(facts.id)]);
      }
    };
    await Promise.all(Array.from({ length: callers }, (_, index) => work(index)));
    const { readings } = await nodes[0].read({ facts: orderFacts({ notional: '1' }), at: world.clock.now() });
    expect(readings[0]?.used).toBe(String(held.size * 50));
    expect(held.size).toBeGreaterThan(0);
    expect(held.size).toBeLessThanOrEqual(20);
  });

  it('wait for one another without deadlock when each counts under several keys', async () => {
    world = await createLimitsWorld(
      [perCounterparty, perTrader, perInstrument].map((limit) => ({ ...limit, max: '100000' })),
    );
    const nodes = [world.node(), world.node()] as const;
    const leis = [broker, clearer, firm, '529900ASSETMNGRDEM02'];
    const answers = await Promise.all(
      Array.from({ length: callers }, async (_, index) => {
        const parties = Array.from(
          { length: 3 },
          (_unused, place) => leis[(index * 3 + place) % leis.length] ?? broker,
        );
        const facts = orderFacts({
          notional: '1',
          initiator: index % 3 === 0 ? 'person:tess' : 'person:tom',
          entity: 'HWUPKR0MPOU8FGXBT394',
          parties: parties.map((lei) => ({ role: 'ExecutingBroker', lei })),
        });
        const node = nodes[index % 2 === 0 ? 0 : 1];
        const answer = await node.reserve({ reservation: facts.id, facts, at: world.clock.now() });
        if (index % 4 === 0) await node.release(facts.id);
        return answer;
      }),
    );
    expect(new Set(answers.map(({ outcome }) => outcome))).toEqual(new Set(['reserved']));
    const { readings } = await nodes[0].read({ facts: orderFacts({ notional: '1' }), at: world.clock.now() });
    expect(readings.find(({ limit }) => limit === 'instrument')?.used).toBe(String(callers * 10 * 0.75));
  });

  it('count one order once, however often it is submitted', async () => {
    world = await createLimitsWorld([perTrader]);
    const nodes = [world.node(), world.node()] as const;
    const facts = orderFacts({ notional: '600' });
    const answers = await Promise.all(
      Array.from({ length: callers }, (_, index) =>
        nodes[index % 2 === 0 ? 0 : 1].reserve({ reservation: facts.id, facts, at: world.clock.now() }),
      ),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    const { readings } = await nodes[1].read({ facts: orderFacts({ notional: '1' }), at: world.clock.now() });
    expect(readings[0]?.used).toBe('600');
  });
});

describe('a rolling window, compared with a model that remembers every order', () => {
  interface Taken {
    readonly at: number;
    readonly amount: number;
    standing: boolean;
  }
  const windowMs = 960_000;
  const bucketMs = 10_000;
  const max = 1000;
  const sum = (orders: readonly Taken[], since: number) =>
    orders.filter(({ at, standing }) => standing && at > since).reduce((total, { amount }) => total + amount, 0);

  const steps = fc.array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ do: fc.constant('reserve' as const), amount: fc.integer({ min: 1, max: 400 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constantFrom('release' as const, 'commit' as const), which: fc.nat(20) }),
      },
      // The caller's clock may be wrong and be corrected, back as well as forward.
      {
        weight: 4,
        arbitrary: fc.record({ do: fc.constant('jump' as const), ms: fc.integer({ min: -700_000, max: 1_200_000 }) }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('sweep' as const) }) },
    ),
    { maxLength: 40 },
  );

  it('never finds less than was taken in it, nor more than one bucket too much', async () => {
    world = await createLimitsWorld([{ ...perTrader, max: String(max) }]);
    const node = world.node();
    const random = seededRandom('rolling window');
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (run) => {
        // Each run counts for its own trader.
        const initiator = `person:trader-${++runs}`;
        const orders: (Taken & { readonly id: TransactionId })[] = [];
        for (const step of run) {
          const at = world.clock.now();
          if (step.do === 'jump') world.clock.advance(step.ms);
          if (step.do === 'sweep') await node.sweep();
          if (step.do === 'release' || step.do === 'commit') {
            const order = orders[step.which];
            if (order === undefined) continue;
            if (step.do === 'release') {
              await node.release(order.id);
              order.standing = false;
            } else if (order.standing) await node.commit(order.id);
          }
          if (step.do !== 'reserve') continue;
          const id = newId('transaction', { clock: world.clock, random });
          const facts = orderFacts({ id, notional: String(step.amount), initiator });
          const { outcome, readings } = await node.reserve({ reservation: id, facts, at });
          const used = Number(readings[0]?.used);
          expect(used).toBeGreaterThanOrEqual(sum(orders, at - windowMs));
          expect(used).toBeLessThanOrEqual(sum(orders, at - windowMs - bucketMs));
          expect(outcome).toBe(used + step.amount <= max ? 'reserved' : 'exceeded');
          if (outcome === 'reserved') orders.push({ id, at, amount: step.amount, standing: true });
        }
      }),
      { numRuns: 40, seed: 20260615 },
    );
  }, 120_000);
});
