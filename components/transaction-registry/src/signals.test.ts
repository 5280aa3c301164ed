import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTradingWorld, type TradingWorld, trader } from './testing/trading-world.ts';

/** What is unusual about whoever began a transaction is told to the policies at each step that they decide. */
describe('what is unusual about people', () => {
  let world: TradingWorld;
  const standing = new Map<string, readonly string[]>();
  beforeAll(async () => {
    world = await createTradingWorld();
  });
  afterAll(() => world.close());

  it('is told with the steps of whoever began it, as it stands at that moment', async () => {
    const on = world.registryWith({ signalsOf: (principal) => standing.get(principal) ?? [] });
    const first = await world.reach();
    await world.report(first.transaction.id, 'submit', { on });
    expect(world.policyEngine.asked.at(-1)?.principal).toBe(trader.id);
    expect(world.policyEngine.asked.at(-1)?.context).not.toHaveProperty('signals');

    const second = await world.reach();
    standing.set('service:reporter', ['account-disabled']);
    standing.set(trader.id, ['device-new', 'impossible-travel']);
    await world.report(second.transaction.id, 'submit', { on });
    expect(world.policyEngine.asked.at(-1)).toMatchObject({
      principal: trader.id,
      context: { signals: ['device-new', 'impossible-travel'] },
    });
  });
});
