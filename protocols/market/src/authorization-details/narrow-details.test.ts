import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AuthorizationDetail, narrowDetails, parseAuthorizationDetails } from '../index.ts';
import { broker, clearer, examples, trade } from '../testing/example-details.ts';

function parsed(...values: unknown[]): AuthorizationDetail[] {
  const result = parseAuthorizationDetails(values);
  if (!result.ok) throw new Error(`${result.path} ${result.problem}`);
  return result.value;
}

const order = examples.trade_order;
const all = () => parsed(...Object.values(examples));

describe('narrowing authorization details', () => {
  it('accepts the same details, fewer of them, and none', () => {
    expect(narrowDetails(all(), all())).toEqual({ ok: true });
    expect(narrowDetails(all(), all().slice(3, 6).reverse())).toEqual({ ok: true });
    expect(narrowDetails(all(), [])).toEqual({ ok: true });
    expect(narrowDetails([], [])).toEqual({ ok: true });
  });

  const { limit_price: _limit, ...atMarket } = order;
  const { algo: _algo, ...byHand } = order;
  const { quote_expiry: _expiry, ...openQuote } = examples.rfq;
  const { giveup_to_lei: _giveup, ...kept } = examples.allocation;

  it.each<[string, unknown, unknown]>([
    ['fewer actions', order, { ...order, actions: ['clear'] }],
    ['fewer locations', order, { ...order, locations: ['https://clearing.example/'] }],
    ['a smaller quantity', order, { ...order, max_qty: '999.999999999999999999' }],
    ['a smaller notional', order, { ...order, max_notional: { amount: '190124.99', ccy: 'USD' } }],
    ['an earlier end', order, { ...order, not_after: '2026-11-21T17:29:59Z' }],
    ['the same end in another zone', order, { ...order, not_after: '2026-11-21T18:30:00+01:00' }],
    ['fewer parties', order, { ...order, parties: [{ role: 'ClearingFirm', lei: clearer }] }],
    ['no parties', order, { ...order, parties: [] }],
    ['fewer counterparties', examples.rfq, { ...examples.rfq, counterparties_lei: [broker] }],
    ['an expiry if there was none', openQuote, examples.rfq],
    ['fewer trades', examples.allocation, { ...examples.allocation, trade_ids: [trade] }],
    [
      'smaller lines in another order',
      examples.allocation,
      {
        ...examples.allocation,
        lines: [
          { account: 'FUND-B', qty: '1' },
          { account: 'FUND-A', qty: '600' },
        ],
      },
    ],
    ['a smaller fee', examples.withdrawal, { ...examples.withdrawal, max_fee: '0' }],
  ])('accepts %s', (_, parent, child) => {
    expect(narrowDetails(parsed(parent), parsed(child))).toEqual({ ok: true });
  });

  it.each<[string, unknown, unknown, string, string]>([
    ['another action', order, { ...order, actions: ['create', 'settle'] }, '/0/actions', 'actions settle'],
    [
      'another location',
      order,
      { ...order, locations: ['https://evil.example/'] },
      '/0/locations',
      'locations https://evil.example/',
    ],
    [
      'a location beneath the one given',
      order,
      { ...order, locations: ['https://clearing.example/admin'] },
      '/0/locations',
      'locations https://clearing.example/admin',
    ],
    [
      'a larger quantity',
      order,
      { ...order, max_qty: '1000.000000000000000001' },
      '/0/max_qty',
      'max_qty 1000.000000000000000001',
    ],
    [
      'a quantity larger by digits, smaller as text',
      order,
      { ...order, max_qty: '10000' },
      '/0/max_qty',
      'max_qty 10000',
    ],
    [
      'a larger notional',
      order,
      { ...order, max_notional: { amount: '190125.01', ccy: 'USD' } },
      '/0/max_notional',
      'max_notional 190125.01 USD',
    ],
    [
      'a notional in another currency',
      order,
      { ...order, max_notional: { amount: '1', ccy: 'EUR' } },
      '/0/max_notional',
      'max_notional 1 EUR',
    ],
    [
      'another limit price',
      order,
      { ...order, limit_price: { amount: '190.12', ccy: 'USD' } },
      '/0/limit_price',
      'limit_price {"amount":"190.12","ccy":"USD"}',
    ],
    ['no limit price', order, atMarket, '/0/limit_price', 'limit_price absent'],
    [
      'a limit price where there was none',
      atMarket,
      order,
      '/0/limit_price',
      'limit_price {"amount":"190.125","ccy":"USD"}',
    ],
    [
      'a later end',
      order,
      { ...order, not_after: '2026-11-21T17:30:00.001Z' },
      '/0/not_after',
      'not_after 2026-11-21T17:30:00.001Z',
    ],
    [
      'an end that only looks earlier',
      order,
      { ...order, not_after: '2026-11-21T17:29:00-01:00' },
      '/0/not_after',
      'not_after 2026-11-21T17:29:00-01:00',
    ],
    [
      'another party',
      order,
      { ...order, parties: [{ role: 'PrimeBroker', lei: broker }] },
      '/0/parties',
      `parties {"lei":"${broker}","role":"PrimeBroker"}`,
    ],
    ['another account', order, { ...order, account: 'ACC-002' }, '/0/account', 'account ACC-002'],
    [
      'another instrument',
      order,
      { ...order, instrument: { isin: 'DE0007164600', cfi: 'ESVUFR' } },
      '/0/instrument',
      'instrument {"cfi":"ESVUFR","isin":"DE0007164600"}',
    ],
    ['another venue', order, { ...order, venue_mic: 'XNYS' }, '/0/venue_mic', 'venue_mic XNYS'],
    ['the other side', order, { ...order, side: 'SELL' }, '/0/side', 'side SELL'],
    ['another entity', order, { ...order, entity_lei: broker }, '/0/entity_lei', `entity_lei ${broker}`],
    [
      'another mandate',
      order,
      { ...order, mandate_id: 'mnd_11k9z3m8q4d6s0v2x5y7a9b1c3' },
      '/0/mandate_id',
      'mandate_id mnd_11k9z3m8q4d6s0v2x5y7a9b1c3',
    ],
    ['another jurisdiction', order, { ...order, jurisdiction: 'FR' }, '/0/jurisdiction', 'jurisdiction FR'],
    [
      'another client order',
      order,
      { ...order, client_order_id: 'ORD-2' },
      '/0/client_order_id',
      'client_order_id ORD-2',
    ],
    ['no algorithm', order, byHand, '/0/algo', 'algo absent'],
    [
      'another artefact',
      order,
      { ...order, algo: { ...order.algo, artifact_sha256: 'cd'.repeat(32) } },
      '/0/algo',
      'algo {',
    ],
    ['another time in force', order, { ...order, tif: 'GTC' }, '/0/tif', 'tif GTC'],
    ['no quote expiry', examples.rfq, openQuote, '/0/quote_expiry', 'quote_expiry without end'],
    [
      'a larger line',
      examples.allocation,
      { ...examples.allocation, lines: [{ account: 'FUND-B', qty: '401' }] },
      '/0/lines',
      'lines {"account":"FUND-B","qty":"401"}',
    ],
    [
      'a line to another account',
      examples.allocation,
      { ...examples.allocation, lines: [{ account: 'FUND-C', qty: '1' }] },
      '/0/lines',
      'lines {"account":"FUND-C","qty":"1"}',
    ],
    ['a give-up if there was none', kept, examples.allocation, '/0/giveup_to_lei', `giveup_to_lei ${clearer}`],
    [
      'a smaller settlement',
      examples.settlement_instruction,
      { ...examples.settlement_instruction, amount: '1' },
      '/0/amount',
      'amount 1',
    ],
    [
      'a settlement free of payment',
      examples.settlement_instruction,
      { ...examples.settlement_instruction, dvp: false },
      '/0/dvp',
      'dvp false',
    ],
    [
      'another address',
      examples.withdrawal,
      { ...examples.withdrawal, address_id: 'ADDR-2' },
      '/0/address_id',
      'address_id ADDR-2',
    ],
    ['a larger fee', examples.withdrawal, { ...examples.withdrawal, max_fee: '0.011' }, '/0/max_fee', 'max_fee 0.011'],
  ])('refuses %s and shows it', (_, parent, child, path, example) => {
    expect(narrowDetails(parsed(parent), parsed(child))).toMatchObject({
      ok: false,
      code: 'details_wider',
      counterexample: { path, example: expect.stringContaining(example) },
    });
  });

  it('gives both values with the refusal', () => {
    expect(narrowDetails(parsed(order), parsed({ ...order, max_qty: '1001' }))).toEqual({
      ok: false,
      code: 'details_wider',
      counterexample: { path: '/0/max_qty', parent: '1000', child: '1001', example: 'max_qty 1001' },
    });
  });

  it('refuses a detail whose type or idempotency key no parent has', () => {
    expect(narrowDetails(parsed(examples.rfq), parsed(order))).toMatchObject({
      ok: false,
      counterexample: { path: '/0', parent: null },
    });
    expect(narrowDetails(parsed(order), parsed({ ...order, idempotency_key: 'order-2026-0002' }))).toMatchObject({
      ok: false,
      counterexample: { path: '/0', parent: null },
    });
  });

  it('refuses two details narrowed from one, which would double it', () => {
    const [child] = parsed(order);
    if (child === undefined) throw new Error('nothing parsed');
    expect(narrowDetails([child], [child, child])).toMatchObject({ ok: false, counterexample: { path: '/1' } });
  });

  it('does not move from one parent to a wider one further down the list', () => {
    const parents = parsed(order, { ...order, idempotency_key: 'order-2026-0002', max_qty: '5000' });
    expect(narrowDetails(parents, parsed({ ...order, max_qty: '5000' }))).toMatchObject({
      ok: false,
      counterexample: { path: '/0/max_qty' },
    });
  });

  it('keeps every hop of a chain within the first', () => {
    const quantity = fc.bigInt({ min: 1n, max: 2000n }).map(String);
    const hop = fc.record({
      max_qty: quantity,
      max_notional: quantity.map((amount) => ({ amount, ccy: 'USD' })),
      actions: fc.subarray(['create', 'amend', 'execute', 'clear'], { minLength: 1 }),
      not_after: fc.integer({ min: 10, max: 20 }).map((minute) => `2026-11-21T17:${minute}:00Z`),
    });
    fc.assert(
      fc.property(hop, hop, hop, (first, second, third) => {
        const [a, b, c] = [first, second, third].map((fields) => parsed({ ...order, ...fields }));
        if (a === undefined || b === undefined || c === undefined) throw new Error('nothing parsed');
        const within =
          Number(second.max_qty) <= Number(first.max_qty) &&
          Number(second.max_notional.amount) <= Number(first.max_notional.amount) &&
          second.actions.every((action) => first.actions.includes(action)) &&
          second.not_after <= first.not_after;
        expect(narrowDetails(a, b).ok).toBe(within);
        if (narrowDetails(a, b).ok && narrowDetails(b, c).ok) expect(narrowDetails(a, c).ok).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
