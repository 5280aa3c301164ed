import { describe, expect, it } from 'vitest';
import { type AuthorizationDetail, digestOfIntent, intentOf, parseAuthorizationDetails } from './index.ts';
import { examples } from './testing/example-details.ts';

function parsed(value: unknown): AuthorizationDetail {
  const result = parseAuthorizationDetails([value]);
  const detail = result.ok ? result.value[0] : undefined;
  if (detail === undefined) throw new Error('not parsed');
  return detail;
}

describe('the intent of an authorization detail', () => {
  const order = examples.trade_order;
  const digest = digestOfIntent(parsed(order));

  it('is everything except where and how it is used', () => {
    const { locations: _locations, actions: _actions, ...intent } = order;
    expect(intentOf(parsed(order))).toEqual(intent);
    expect(digestOfIntent(parsed({ ...order, locations: ['https://custodian.example/'], actions: ['settle'] }))).toBe(
      digest,
    );
  });

  it('does not depend on the order in which fields were written', () => {
    expect(digestOfIntent(parsed(Object.fromEntries(Object.entries(order).reverse())))).toBe(digest);
  });

  it.each([
    { max_qty: '999' },
    { max_notional: { amount: '190124', ccy: 'USD' } },
    { not_after: '2026-11-21T17:29:00Z' },
    { side: 'SELL' },
    { account: 'ACC-002' },
    { parties: [] },
    { idempotency_key: 'order-2026-0002' },
    { algo: { ...order.algo, version: '3.2.2' } },
  ])('changes with %j: limits are part of what was approved', (change) => {
    expect(digestOfIntent(parsed({ ...order, ...change }))).not.toBe(digest);
  });

  it('has a digest that stays the same from release to release', () => {
    expect(digest).toBe('Ae6GybdFEe9iPRoc3SyeMi5sTComcCfxG7YsMXq2s2Y');
  });
});
