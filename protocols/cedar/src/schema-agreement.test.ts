import { describe, expect, it } from 'vitest';
import { checkAgreement } from './testing/agreement.ts';
import { schemaText } from './trading-policies.fixture.ts';

const everyType = `
namespace Market {
  type Money = { amount: decimal, currency?: String };
  entity Side enum ["buy", "sell"];
  entity Firm in [Firm] { rank: Long, "legal name": String } tags Set<String>;
  entity Trader in [Firm, Desk::Book] { firm?: Firm, limits: Set<Money>, address: ipaddr, hours: duration } tags Long;
  action "deal";
  action "buy", "sell" in ["deal"] appliesTo {
    principal: [Trader, Desk::Robot],
    resource: [Desk::Book],
    context: { side: Side, price: Money, at: datetime, until?: datetime, seen: Set<Set<Long>>, "on behalf of"?: Trader, ok: Bool }
  };
}
namespace Desk {
  entity Book in [Market::Firm] { owner: Market::Trader, open?: Bool, nested: { deep?: { deeper: Set<Market::Side> } } };
  entity Robot in [Market::Trader] = { version: Long } tags String;
  action "close" in [Market::Action::"deal"] appliesTo { principal: [Robot], resource: [Book, Market::Firm], context: {} };
}`;

describe('policies, entities and requests generated from a schema', () => {
  it.each([
    ['the small desk', schemaText],
    ['every type there is', everyType],
  ])(
    'get the same result as in the reference engine: %s',
    (_, text) => {
      const seen = checkAgreement(text, { runs: 60, seed: Number(process.env['CEDAR_SEED'] ?? 4) });
      // The generators must keep reaching all outcomes, or the property says little.
      expect(seen.asked).toBe(300);
      expect(seen.policies).toBeGreaterThan(seen.refused * 10);
      expect(Math.min(seen.allowed, seen.asked - seen.allowed)).toBeGreaterThan(20);
      expect(seen.determining).toBeGreaterThan(200);
      expect(seen.errors).toBeGreaterThan(50);
    },
    300_000,
  );
});
