import { parseDecimal } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AuthorizationDetail,
  type Constraints,
  intentUse,
  type MandateUse,
  narrowConstraints,
  parseAuthorizationDetails,
  parseConstraints,
  parseCurrency,
  permits,
} from '../index.ts';
import { broker, clearer, examples, firm } from '../testing/example-details.ts';

const base = {
  actions: ['order:create', 'order:cancel', 'order:read', 'settlement:instruct'],
  productClasses: ['ES', 'DB'],
  venues: ['XNAS', 'XETR'],
  jurisdictions: ['DE', 'US'],
  accounts: ['ACC-001', 'ACC-002'],
  counterparties: [broker, clearer],
  notionalPerOrder: { amount: '5000000', ccy: 'USD' },
  notionalPerDay: { amount: '20000000', ccy: 'USD' },
  quantityPerOrder: '10000',
  hours: { timeZone: 'UTC', days: [1, 2, 3, 4, 5], from: '08:00', until: '18:00' },
  delegationDepth: 3,
};
const cut = { ...base, delegationDepth: 2 };
/** Constraints with every field set. */
const whole = {
  ...base,
  actions: [...base.actions, 'withdrawal:request', 'collateral:transfer'],
  accounts: undefined,
  counterparties: undefined,
  limits: [
    { measure: 'notional', windowSeconds: 3600, ccy: 'USD', max: '8000000' },
    { measure: 'quantity', windowSeconds: 86_400, max: '15000' },
  ],
  assets: [
    { asset: { dti: 'X9J9K872S' }, perOrder: '100', perDay: '250' },
    { asset: { ccy: 'EUR' }, perOrder: '1000' },
  ],
  destinations: ['cold-storage-1', 'exchange-2'],
  approvals: [
    { role: 'supervisor', count: 1 },
    { role: 'risk', count: 2 },
  ],
};
const wholeCut = { ...whole, delegationDepth: 2 };

function constraints(value: unknown): Constraints {
  const parsed = parseConstraints(value);
  if (!parsed.ok) throw new Error(`${parsed.path} ${parsed.problem}: ${parsed.detail}`);
  return parsed.value;
}

function detail(value: unknown): AuthorizationDetail {
  const parsed = parseAuthorizationDetails([value]);
  const first = parsed.ok ? parsed.value[0] : undefined;
  if (first === undefined) throw new Error('not parsed');
  return first;
}

function without(value: object, ...keys: string[]): object {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}

/** A Friday, 12:00 UTC. */
const friday = Date.parse('2026-11-20T12:00:00Z');
const saturday = friday + 86_400_000;
/** The example order with changed facts. They may be invalid, because `permits` must handle any caller input. */
const use = (change: Partial<Record<keyof MandateUse, unknown>> = {}): MandateUse =>
  Object.assign(intentUse(detail(examples.trade_order), { action: 'order:create', at: friday }), change);

describe('the constraints of a mandate', () => {
  it('are accepted unchanged', () => {
    expect(parseConstraints(base)).toEqual({ ok: true, value: base });
    const least = without(base, 'accounts', 'counterparties', 'quantityPerOrder', 'hours');
    expect(parseConstraints(least)).toEqual({ ok: true, value: least });
  });

  it('may limit use over time, which assets move and their destinations, and require approvals', () => {
    expect(parseConstraints(whole)).toEqual({ ok: true, value: whole });
  });

  const limit = { measure: 'notional', windowSeconds: 3600, ccy: 'USD', max: '8000000' };
  const token = { asset: { dti: 'X9J9K872S' }, perOrder: '100' };
  it.each<[string, object, string, string]>([
    ['no limit', { limits: [] }, '/limits', 'field_malformed'],
    [
      'a window of seconds',
      { limits: [{ ...limit, windowSeconds: 59 }] },
      '/limits/0/windowSeconds',
      'field_malformed',
    ],
    [
      'a window of years',
      { limits: [{ ...limit, windowSeconds: 31_622_401 }] },
      '/limits/0/windowSeconds',
      'field_malformed',
    ],
    ['a limit of something else', { limits: [{ ...limit, measure: 'loss' }] }, '/limits/0/measure', 'field_malformed'],
    ['a limit of nothing', { limits: [{ ...limit, max: '0' }] }, '/limits/0/max', 'quantity_zero'],
    [
      'a limit of a notional in no currency',
      { limits: [{ ...limit, ccy: undefined }] },
      '/limits/0/ccy',
      'limit_currencies',
    ],
    [
      'a limit of a notional in another currency',
      { limits: [{ ...limit, ccy: 'EUR' }] },
      '/limits/0/ccy',
      'limit_currencies',
    ],
    [
      'a limit of a quantity in a currency',
      { limits: [{ ...limit, measure: 'quantity' }] },
      '/limits/0/ccy',
      'limit_currencies',
    ],
    [
      'a limit finer than its currency',
      { limits: [{ ...limit, max: '8000000.001' }] },
      '/limits/0/max',
      'amount_precision',
    ],
    ['a limit below that of one order', { limits: [{ ...limit, max: '4999999' }] }, '/limits/0/max', 'limit_window'],
    [
      'a limit of a quantity below that of one order',
      { limits: [{ measure: 'quantity', windowSeconds: 60, max: '9999' }] },
      '/limits/0/max',
      'limit_window',
    ],
    ['two limits over one window', { limits: [limit, { ...limit, max: '9000000' }] }, '/limits/1', 'named_twice'],
    ['no asset', { assets: [] }, '/assets', 'field_malformed'],
    [
      'an asset with two names',
      { assets: [{ ...token, asset: { ...token.asset, ccy: 'EUR' } }] },
      '/assets/0/asset',
      'not_exactly_one',
    ],
    ['an asset without a name', { assets: [{ ...token, asset: {} }] }, '/assets/0/asset', 'not_exactly_one'],
    [
      'a token that is none',
      { assets: [{ ...token, asset: { dti: 'X9J9K872T' } }] },
      '/assets/0/asset/dti',
      'dti_check_character',
    ],
    ['an asset without a limit', { assets: [{ asset: token.asset }] }, '/assets/0/perOrder', 'field_missing'],
    ['an asset limited to nothing', { assets: [{ ...token, perOrder: '0' }] }, '/assets/0/perOrder', 'quantity_zero'],
    [
      'less of an asset in a day than at once',
      { assets: [{ ...token, perDay: '99' }] },
      '/assets/0/perDay',
      'limit_per_day',
    ],
    [
      'money of its own among the assets',
      { assets: [{ ...token, asset: { ccy: 'USD' } }] },
      '/assets/0/asset/ccy',
      'asset_own_currency',
    ],
    [
      'money finer than its currency',
      { assets: [{ asset: { ccy: 'EUR' }, perOrder: '0.001' }] },
      '/assets/0/perOrder',
      'amount_precision',
    ],
    ['an asset twice', { assets: [token, { ...token, perOrder: '1' }] }, '/assets/1', 'named_twice'],
    ['no destination', { destinations: [] }, '/destinations', 'field_malformed'],
    ['a destination twice', { destinations: ['a', 'a'] }, '/destinations', 'field_malformed'],
    ['a destination that cannot be seen', { destinations: ['a b'] }, '/destinations/0', 'field_malformed'],
    [
      'approvals by whoever comes',
      { approvals: [{ role: 'trader', count: 1 }] },
      '/approvals/0/role',
      'field_malformed',
    ],
    ['no approval', { approvals: [{ role: 'risk', count: 0 }] }, '/approvals/0/count', 'field_malformed'],
    ['nine approvals', { approvals: [{ role: 'risk', count: 9 }] }, '/approvals/0/count', 'field_malformed'],
    [
      'a role twice',
      {
        approvals: [
          { role: 'risk', count: 1 },
          { role: 'risk', count: 2 },
        ],
      },
      '/approvals/1',
      'named_twice',
    ],
  ])('are refused with %s', (_, change, path, problem) => {
    const value = JSON.parse(JSON.stringify({ ...whole, ...change }));
    expect(parseConstraints(value)).toMatchObject({ ok: false, code: 'constraints_invalid', path, problem });
  });

  it.each<[string, unknown, string, string]>([
    ['an unknown constraint', { ...base, notionalPerYear: '1' }, '', 'field_unknown'],
    ['a missing constraint', without(base, 'venues'), '/venues', 'field_missing'],
    ['no action', { ...base, actions: [] }, '/actions', 'field_malformed'],
    ['an unknown scope', { ...base, actions: ['order:execute'] }, '/actions/0', 'scope_unknown'],
    ['a generic scope', { ...base, actions: ['order:*'] }, '/actions/0', 'scope_generic'],
    ['two scopes in one', { ...base, actions: ['order:create order:read'] }, '/actions/0', 'scope_unknown'],
    ['no venue', { ...base, venues: [] }, '/venues', 'field_malformed'],
    ['a venue twice', { ...base, venues: ['XNAS', 'XNAS'] }, '/venues', 'field_malformed'],
    ['an invalid venue', { ...base, venues: ['XNASD'] }, '/venues/0', 'mic_malformed'],
    ['an empty product class', { ...base, productClasses: [''] }, '/productClasses/0', 'product_class_unknown'],
    [
      'a product class that is none',
      { ...base, productClasses: ['ES', 'EZ'] },
      '/productClasses/1',
      'product_class_unknown',
    ],
    ['an invalid country', { ...base, jurisdictions: ['EU'] }, '/jurisdictions/0', 'country_unknown'],
    [
      'an LEI that fails',
      { ...base, counterparties: ['529900T8BM49AURSDO54'] },
      '/counterparties/0',
      'lei_check_digits',
    ],
    [
      'a limit of nothing',
      { ...base, notionalPerOrder: { amount: '0', ccy: 'USD' } },
      '/notionalPerOrder/amount',
      'amount_zero',
    ],
    [
      'a limit finer than its currency',
      { ...base, notionalPerOrder: { amount: '1.001', ccy: 'USD' } },
      '/notionalPerOrder/amount',
      'amount_precision',
    ],
    [
      'a limit in no currency',
      { ...base, notionalPerOrder: { amount: '1', ccy: 'XXX' } },
      '/notionalPerOrder/ccy',
      'currency_unknown',
    ],
    [
      'limits in two currencies',
      { ...base, notionalPerDay: { amount: '20000000', ccy: 'EUR' } },
      '/notionalPerDay/ccy',
      'limit_currencies',
    ],
    [
      'a day smaller than an order',
      { ...base, notionalPerDay: { amount: '4999999', ccy: 'USD' } },
      '/notionalPerDay/amount',
      'limit_per_day',
    ],
    ['a quantity of nothing', { ...base, quantityPerOrder: '0' }, '/quantityPerOrder', 'quantity_zero'],
    ['a number for a quantity', { ...base, quantityPerOrder: 5 }, '/quantityPerOrder', 'field_malformed'],
    [
      'a time zone that is none',
      { ...base, hours: { ...base.hours, timeZone: 'Mars/Phobos' } },
      '/hours/timeZone',
      'time_zone_unknown',
    ],
    [
      'an offset for a time zone',
      { ...base, hours: { ...base.hours, timeZone: '+01:00' } },
      '/hours/timeZone',
      'time_zone_unknown',
    ],
    ['an eighth day', { ...base, hours: { ...base.hours, days: [8] } }, '/hours/days/0', 'field_malformed'],
    ['no day', { ...base, hours: { ...base.hours, days: [] } }, '/hours/days', 'field_malformed'],
    ['hours from 24:00', { ...base, hours: { ...base.hours, from: '24:00' } }, '/hours/from', 'field_malformed'],
    ['hours in one digit', { ...base, hours: { ...base.hours, from: '8:00' } }, '/hours/from', 'field_malformed'],
    [
      'hours that end when they begin',
      { ...base, hours: { ...base.hours, until: '08:00' } },
      '/hours/until',
      'hours_empty',
    ],
    ['a depth below zero', { ...base, delegationDepth: -1 }, '/delegationDepth', 'field_malformed'],
    ['a depth of nine', { ...base, delegationDepth: 9 }, '/delegationDepth', 'field_malformed'],
    ['a depth and a half', { ...base, delegationDepth: 1.5 }, '/delegationDepth', 'field_malformed'],
    ['nothing', null, '', 'field_malformed'],
    ['a list', [base], '', 'field_malformed'],
  ])('are refused with %s', (_, value, path, problem) => {
    expect(parseConstraints(value)).toMatchObject({ ok: false, code: 'constraints_invalid', path, problem });
  });

  it('never cause an exception, whatever they are', () => {
    fc.assert(fc.property(fc.anything({ maxDepth: 4 }), (value) => !parseConstraints(value).ok));
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(whole)), fc.anything({ maxDepth: 3 }), (key, value) => {
        expect(typeof parseConstraints({ ...base, [key]: value ?? null }).ok).toBe('boolean');
      }),
    );
  });
});

describe('checking a use against a mandate', () => {
  const mandate = constraints(base);
  const amount = (text: string) => parseDecimal(text);
  const usd = (text: string) => ({ amount: amount(text), ccy: 'USD' });

  it('accepts an order within all constraints', () => {
    expect(permits(mandate, use())).toEqual({ ok: true });
  });

  it.each<[string, Partial<Record<keyof MandateUse, unknown>>, string]>([
    ['another action', { action: 'order:approve' }, 'mandate_action'],
    ['an invalid action', { action: 'constructor' }, 'mandate_action'],
    ['another product', { cfi: 'OCASPS' }, 'mandate_product'],
    ['a product not known', { cfi: undefined }, 'mandate_product'],
    ['another venue', { venue: 'XLON' }, 'mandate_venue'],
    ['a venue not known', { venue: undefined }, 'mandate_venue'],
    ['another jurisdiction', { jurisdiction: 'FR' }, 'mandate_jurisdiction'],
    ['a jurisdiction not known', { jurisdiction: undefined }, 'mandate_jurisdiction'],
    ['another account', { accounts: ['ACC-003'] }, 'mandate_account'],
    ['another account beside an allowed one', { accounts: ['ACC-001', 'ACC-003'] }, 'mandate_account'],
    ['an account not known', { accounts: undefined }, 'mandate_account'],
    ['another counterparty beside an allowed one', { counterparties: [broker, firm] }, 'mandate_counterparty'],
    ['counterparties not known', { counterparties: undefined }, 'mandate_counterparty'],
    ['no counterparty at all', { counterparties: [] }, 'mandate_counterparty'],
    ['one cent too much', { notional: usd('5000000.01') }, 'mandate_notional'],
    ['a notional not known', { notional: undefined }, 'mandate_notional'],
    ['another currency', { notional: { ...usd('1'), ccy: 'EUR' } }, 'mandate_currency'],
    ['too much for the day', { notional: usd('5000000'), notionalToday: usd('15000000.01') }, 'mandate_notional'],
    ["a day's total in another currency", { notionalToday: { ...usd('1'), ccy: 'EUR' } }, 'mandate_currency'],
    ['too large a quantity', { quantity: amount('10000.5') }, 'mandate_quantity'],
    ['a quantity not known', { quantity: undefined }, 'mandate_quantity'],
    ['a Saturday', { at: saturday }, 'mandate_hours'],
    ['a minute before the hours', { at: Date.parse('2026-11-20T07:59:59.999Z') }, 'mandate_hours'],
    ['the minute the hours end', { at: Date.parse('2026-11-20T18:00:00Z') }, 'mandate_hours'],
    ['no time', { at: Number.NaN }, 'mandate_hours'],
    ['a time beyond all calendars', { at: Number.MAX_VALUE }, 'mandate_hours'],
  ])('refuses %s', (_, change, code) => {
    expect(permits(mandate, use(change))).toMatchObject({ ok: false, code, detail: expect.stringMatching(/\.$/) });
  });

  it('accepts values at the limits and at the edges of the hours', () => {
    expect(
      permits(mandate, use({ notional: usd('5000000'), notionalToday: usd('15000000'), quantity: amount('10000') })).ok,
    ).toBe(true);
    expect(permits(mandate, use({ at: Date.parse('2026-11-20T08:00:00Z') })).ok).toBe(true);
    expect(permits(mandate, use({ at: Date.parse('2026-11-20T17:59:59.999Z') })).ok).toBe(true);
  });

  it('allows cancelling and reading whatever the amount, the quantity and the hour', () => {
    const large = { at: saturday, notional: usd('99999999'), quantity: amount('99999999') };
    expect(permits(mandate, use({ ...large, action: 'order:cancel' }))).toEqual({ ok: true });
    expect(permits(mandate, use({ ...large, action: 'order:read' }))).toEqual({ ok: true });
    expect(permits(mandate, use({ action: 'order:cancel', accounts: ['ACC-003'] }))).toMatchObject({
      code: 'mandate_account',
    });
  });

  it('requires the value of a settlement, and uses a valuation if it states no money', () => {
    const asked = { action: 'settlement:instruct', at: friday };
    const settle = (change: object) =>
      detail({ ...examples.settlement_instruction, deliverer: { lei: firm, account: 'ACC-001' }, ...change });
    expect(permits(mandate, intentUse(settle({}), asked))).toEqual({ ok: true });
    expect(permits(mandate, intentUse(settle({ amount: '5000000.01' }), asked))).toMatchObject({
      code: 'mandate_notional',
    });

    const inTokens = detail({
      ...without(examples.settlement_instruction, 'ccy'),
      dti: 'X9J9K872S',
      deliverer: { lei: firm, account: 'ACC-001' },
    });
    expect(permits(mandate, intentUse(inTokens, asked))).toMatchObject({ code: 'mandate_notional' });
    const ccy = parseCurrency('USD');
    const worth = (text: string) => ({
      amount: amount(text) ?? expect.unreachable(),
      ccy: ccy.ok ? ccy.value : expect.unreachable(),
    });
    expect(permits(mandate, intentUse(inTokens, { ...asked, valuation: worth('5000000') }))).toEqual({ ok: true });
    expect(permits(mandate, intentUse(inTokens, { ...asked, valuation: worth('5000001') }))).toMatchObject({
      code: 'mandate_notional',
    });
  });

  it('does not let a valuation replace the money that an intent states', () => {
    const ccy = parseCurrency('USD');
    const valuation = { amount: amount('1') ?? expect.unreachable(), ccy: ccy.ok ? ccy.value : expect.unreachable() };
    const facts = intentUse(detail(examples.trade_order), { action: 'order:create', at: friday, valuation });
    expect(facts.notional).toEqual(examples.trade_order.max_notional);
  });

  it('refuses a withdrawal without a valuation', () => {
    const unlisted = { actions: ['withdrawal:request'], accounts: undefined, counterparties: undefined };
    const asked = intentUse(detail(examples.withdrawal), { action: 'withdrawal:request', at: friday });
    expect(permits(constraints({ ...base, ...unlisted }), asked)).toMatchObject({ code: 'mandate_notional' });
    expect(permits(constraints({ ...base, ...unlisted }), { ...asked, notional: usd('1') } as MandateUse)).toEqual({
      ok: true,
    });
  });

  it('refuses an intent without an account or counterparty if the mandate lists them', () => {
    const silent: readonly [unknown, string, string][] = [
      [examples.withdrawal, 'withdrawal:request', 'mandate_account'],
      [examples.clearing_submission, 'trade:affirm', 'mandate_account'],
      [examples.address_book_change, 'withdrawal-address:propose', 'mandate_account'],
      [examples.regulatory_report, 'report:submit', 'mandate_account'],
      [examples.collateral_transfer, 'collateral:transfer', 'mandate_account'],
    ];
    for (const [value, action, code] of silent) {
      const limited = constraints({ ...base, actions: [action], counterparties: undefined });
      expect(permits(limited, intentUse(detail(value), { action, at: friday })), action).toMatchObject({ code });
    }
    for (const [value, action] of [
      [examples.withdrawal, 'withdrawal:request'],
      [examples.regulatory_report, 'report:submit'],
      [examples.collateral_transfer, 'collateral:transfer'],
    ] as const) {
      const limited = constraints({ ...base, actions: [action], accounts: undefined });
      expect(permits(limited, intentUse(detail(value), { action, at: friday })), action).toMatchObject({
        code: 'mandate_counterparty',
      });
    }
  });

  describe('under every constraint', () => {
    const mandate = constraints(whole);
    const asked = (value: object, action: string, change: Partial<Record<keyof MandateUse, unknown>> = {}) =>
      permits(mandate, Object.assign(intentUse(detail(value), { action, at: friday }), change) as MandateUse);
    const withdraw = (change: object, facts = {}) =>
      asked(
        { ...examples.withdrawal, asset: { dti: 'X9J9K872S' }, address_id: 'cold-storage-1', ...change },
        'withdrawal:request',
        facts,
      );

    it('allows listed tokens to listed destinations without a valuation', () => {
      expect(withdraw({ amount: '100' })).toEqual({ ok: true });
    });

    it.each<[string, object, object, string]>([
      ['more of a token than one order may move', { amount: '100.5' }, {}, 'mandate_asset'],
      ['a token that is not listed', { asset: { dti: '4H95J0R2X' } }, {}, 'mandate_asset'],
      [
        'a token that is not listed though it is worth little',
        { asset: { dti: '4H95J0R2X' } },
        { notional: usd('1') },
        'mandate_asset',
      ],
      ['more than may move in a day', { amount: '100' }, { assetToday: amount('150.5') }, 'mandate_asset'],
      ['a token without a quantity', {}, { assetQuantity: undefined }, 'mandate_asset'],
      ['a listed token that is worth too much', { amount: '100' }, { notional: usd('5000001') }, 'mandate_notional'],
      ['another destination', { address_id: 'exchange-3' }, {}, 'mandate_destination'],
      ['a destination that is not known', {}, { destination: undefined }, 'mandate_destination'],
    ])('refuses %s', (_, change, facts, code) => {
      expect(withdraw({ amount: '100', ...change }, facts)).toMatchObject({ ok: false, code });
    });

    it('counts what was moved on the day up to the limit', () => {
      expect(withdraw({ amount: '100' }, { assetToday: amount('150') })).toEqual({ ok: true });
    });

    it('applies the limit of a listed currency, and accepts no other currency', () => {
      const pledge = (ccy: string, qty: string) =>
        asked({ ...examples.collateral_transfer, asset: { ccy }, qty }, 'collateral:transfer');
      expect(pledge('EUR', '1000')).toEqual({ ok: true });
      expect(pledge('EUR', '1000.01')).toMatchObject({ code: 'mandate_asset' });
      expect(pledge('CHF', '1')).toMatchObject({ code: 'mandate_asset' });
      expect(pledge('USD', '5000000')).toEqual({ ok: true });
      expect(pledge('USD', '5000000.01')).toMatchObject({ code: 'mandate_notional' });
    });

    it('does not use the quantity of an asset as the value of an order', () => {
      const asset = { asset: { dti: 'X9J9K872S' }, assetQuantity: amount('1'), notional: undefined };
      expect(asked(examples.trade_order, 'order:create', asset)).toMatchObject({ code: 'mandate_notional' });
    });

    it('allows a settlement to a bare address only if that is a listed destination', () => {
      const settle = (address: string) =>
        asked({ ...examples.settlement_instruction, receiver: { lei: broker, address } }, 'settlement:instruct');
      expect(settle('0x1')).toMatchObject({ code: 'mandate_destination' });
      expect(settle('exchange-2')).toEqual({ ok: true });
      const toAccount = { ...examples.settlement_instruction, receiver: { lei: broker, account: 'B' } };
      expect(asked(toAccount, 'settlement:instruct')).toEqual({ ok: true });
    });

    const order = (facts: object) => permits(mandate, use(facts));
    const before = (secondsAgo: number, text: string, ccy = 'USD') => ({ secondsAgo, notional: { ...usd(text), ccy } });
    it('counts the reported use within a window, and none before it', () => {
      const notional = usd('5000000');
      expect(order({ notional, earlier: [before(0, '3000000')] })).toEqual({ ok: true });
      expect(order({ notional, earlier: [before(3599, '3000000.01')] })).toMatchObject({ code: 'mandate_limit' });
      expect(order({ notional, earlier: [before(3600, '3000000.01')] })).toEqual({ ok: true });
      expect(order({ notional, earlier: [before(0, '2000000'), before(10, '1000001')] })).toMatchObject({
        code: 'mandate_limit',
      });
      const quantities = (text: string) => [{ secondsAgo: 86_399, quantity: amount(text) }];
      expect(order({ quantity: amount('10000'), earlier: quantities('5000') })).toEqual({ ok: true });
      expect(order({ quantity: amount('10000'), earlier: quantities('5000.5') })).toMatchObject({
        code: 'mandate_limit',
      });
    });

    it('requires the quantity of an order if it is limited over time', () => {
      const unlimited = constraints({ ...whole, quantityPerOrder: undefined });
      expect(permits(unlimited, use({ quantity: undefined }))).toMatchObject({ code: 'mandate_limit' });
    });

    it('checks approvals if they are given, and otherwise leaves them to the approval step', () => {
      expect(order({ approvals: whole.approvals })).toEqual({ ok: true });
      expect(
        order({
          approvals: [
            { role: 'risk', count: 3 },
            { role: 'supervisor', count: 1 },
          ],
        }),
      ).toEqual({ ok: true });
      expect(
        order({
          approvals: [
            { role: 'risk', count: 1 },
            { role: 'supervisor', count: 1 },
          ],
        }),
      ).toMatchObject({ code: 'mandate_approvals' });
      expect(order({ approvals: [] })).toMatchObject({ code: 'mandate_approvals' });
      expect(order({ approvals: undefined })).toEqual({ ok: true });
    });
  });

  it('checks every account of an allocation, its whole quantity, and the institution it is given up to', () => {
    const mandate = constraints({ ...base, actions: ['allocation:propose'] });
    const allocate = (change: object) =>
      permits(
        mandate,
        intentUse(
          detail({
            ...examples.allocation,
            lines: [
              { account: 'ACC-001', qty: '6000' },
              { account: 'ACC-002', qty: '4000' },
            ],
            ...change,
          }),
          { action: 'allocation:propose', at: friday },
        ),
      );
    expect(allocate({})).toEqual({ ok: true });
    const stray = [
      { account: 'ACC-001', qty: '1' },
      { account: 'ACC-003', qty: '1' },
    ];
    expect(allocate({ lines: stray })).toMatchObject({
      code: 'mandate_account',
      detail: expect.stringMatching('ACC-003'),
    });
    expect(allocate({ lines: [{ account: 'ACC-001', qty: '10000.5' }] })).toMatchObject({ code: 'mandate_quantity' });
    expect(allocate({ giveup_to_lei: '213800WAVVOPS85N2205' })).toMatchObject({ code: 'mandate_counterparty' });
    expect(allocate({ giveup_to_lei: undefined })).toEqual({ ok: true });
  });

  it('checks the clearing institution and the recipient of tokens', () => {
    const mandate = constraints({
      ...base,
      actions: ['trade:affirm', 'withdrawal-address:propose'],
      accounts: undefined,
      counterparties: [broker],
    });
    const asked = (value: object, action: string) => permits(mandate, intentUse(detail(value), { action, at: friday }));
    expect(asked(examples.clearing_submission, 'trade:affirm')).toEqual({ ok: true });
    expect(asked({ ...examples.clearing_submission, clearing_firm_lei: clearer }, 'trade:affirm')).toMatchObject({
      code: 'mandate_counterparty',
    });
    const change = examples.address_book_change;
    expect(asked(change, 'withdrawal-address:propose')).toEqual({ ok: true });
    expect(asked({ ...change, beneficiary_lei: firm }, 'withdrawal-address:propose')).toEqual({ ok: true });
    expect(asked({ ...change, beneficiary_lei: clearer }, 'withdrawal-address:propose')).toMatchObject({
      code: 'mandate_counterparty',
    });
  });

  it('checks both external ends of a settlement, and every account of the institution', () => {
    const used = (change: object) =>
      intentUse(detail({ ...examples.settlement_instruction, ...change }), {
        action: 'settlement:instruct',
        at: friday,
      });
    const account = (lei: string, name: string) => ({ lei, account: name });
    expect(used({ deliverer: account(firm, 'A'), receiver: account(broker, 'B') })).toMatchObject({
      accounts: ['A'],
      counterparties: [broker],
    });
    const between = used({ deliverer: account(clearer, 'A'), receiver: account(broker, 'B') });
    expect(between.counterparties).toEqual([clearer, broker]);
    expect(between).not.toHaveProperty('accounts');
    expect(used({ deliverer: account(firm, 'A'), receiver: account(firm, 'B') })).toMatchObject({
      accounts: ['A', 'B'],
      counterparties: [],
    });
    const toAddress = used({ deliverer: account(firm, 'A'), receiver: { lei: firm, address: '0x1' } });
    expect(toAddress).not.toHaveProperty('accounts');
  });

  it('reads every counterparty of an intent, and counts neither clients nor the institution itself', () => {
    const named = (value: unknown) => intentUse(detail(value), { action: 'order:create', at: friday }).counterparties;
    expect(named(examples.trade_order)).toEqual([broker, clearer]);
    expect(
      named({
        ...examples.trade_order,
        parties: [
          { role: 'Client', lei: broker },
          { role: 'ClearingFirm', lei: firm },
        ],
      }),
    ).toEqual([]);
    expect(
      named({ ...examples.rfq, parties: [{ role: 'PrimeBroker', lei: clearer }], counterparties_lei: [broker] }),
    ).toEqual([broker, clearer]);
  });

  it('follows the mandate’s time zone through the change to summer time', () => {
    const berlin = constraints({
      ...base,
      hours: { ...base.hours, timeZone: 'Europe/Berlin', from: '09:00', until: '17:30' },
    });
    const at = (text: string) => permits(berlin, use({ at: Date.parse(text) })).ok;
    expect(at('2026-01-16T08:00:00Z')).toBe(true);
    expect(at('2026-01-16T07:59:00Z')).toBe(false);
    expect(at('2026-07-17T07:00:00Z')).toBe(true);
    expect(at('2026-07-17T06:59:00Z')).toBe(false);
    expect(at('2026-07-17T15:29:00Z')).toBe(true);
    expect(at('2026-07-17T15:30:00Z')).toBe(false);
  });

  it('supports hours that close for only half an hour of the day', () => {
    const nearlyAlways = constraints({
      ...base,
      hours: { timeZone: 'UTC', days: [1, 2, 3, 4, 5], from: '12:00', until: '11:30' },
    });
    const at = (text: string) => permits(nearlyAlways, use({ at: Date.parse(text) })).ok;
    expect(at('2026-11-20T11:29:00Z')).toBe(true);
    expect(at('2026-11-20T11:30:00Z')).toBe(false);
    expect(at('2026-11-20T12:00:00Z')).toBe(true);
    expect(at('2026-11-21T11:29:00Z')).toBe(true); // Saturday, opened on Friday
  });

  it('supports hours past midnight, from the day they open into the next', () => {
    const night = constraints({ ...base, hours: { timeZone: 'UTC', days: [5, 7], from: '22:00', until: '06:00' } });
    const at = (text: string) => permits(night, use({ at: Date.parse(text) })).ok;
    expect(at('2026-11-20T22:00:00Z')).toBe(true); // Friday
    expect(at('2026-11-21T05:59:00Z')).toBe(true); // Saturday
    expect(at('2026-11-21T06:00:00Z')).toBe(false);
    expect(at('2026-11-21T23:00:00Z')).toBe(false);
    expect(at('2026-11-23T05:59:00Z')).toBe(true); // Monday, opened on Sunday
    expect(at('2026-11-20T05:00:00Z')).toBe(false); // Thursday night did not open
  });
});

describe('narrowing a mandate', () => {
  it.each<[string, object]>([
    ['the same, one less deep', {}],
    [
      'fewer of everything',
      {
        actions: ['order:read'],
        productClasses: ['DB'],
        venues: ['XETR'],
        jurisdictions: ['US'],
        accounts: ['ACC-002'],
        counterparties: [clearer],
        delegationDepth: 0,
      },
    ],
    ['longer product classes', { productClasses: ['ESV', 'ESVUFR', 'DBF'] }],
    [
      'smaller limits',
      {
        notionalPerOrder: { amount: '0.01', ccy: 'USD' },
        notionalPerDay: { amount: '19999999.99', ccy: 'USD' },
        quantityPerOrder: '0.1',
      },
    ],
    ['shorter hours', { hours: { timeZone: 'UTC', days: [2], from: '17:59', until: '18:00' } }],
  ])('accepts %s', (_, change) => {
    expect(narrowConstraints(constraints(base), constraints({ ...cut, ...change }))).toEqual({ ok: true });
  });

  it('accepts any constraint that the parent lacks', () => {
    const parent = constraints(without(base, 'accounts', 'counterparties', 'quantityPerOrder', 'hours'));
    expect(narrowConstraints(parent, constraints(cut))).toEqual({ ok: true });
  });

  it('treats all groups of a category together as the category', () => {
    const futures = { ...base, productClasses: ['FF', 'FC'] };
    expect(narrowConstraints(constraints(futures), constraints({ ...cut, productClasses: ['F'] }))).toEqual({
      ok: true,
    });
    expect(
      narrowConstraints(
        constraints({ ...base, productClasses: ['FF'] }),
        constraints({ ...cut, productClasses: ['F'] }),
      ),
    ).toMatchObject({
      counterexample: { constraint: 'productClasses', example: 'an instrument of class F, CFI FCXXXX' },
    });
  });

  it('finds the one class missing among many', () => {
    const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXY'];
    const parent = { ...base, productClasses: letters.map((letter) => `ESVUF${letter}`) };
    expect(narrowConstraints(constraints(parent), constraints({ ...cut, productClasses: ['ESVUF'] }))).toMatchObject({
      counterexample: { use: { cfi: 'ESVUFZ' } },
    });
  });

  const hours = (change: object) => ({ hours: { ...base.hours, ...change } });
  it.each<[string, object, keyof Constraints, string]>([
    ['another action', { actions: ['order:create', 'order:approve'] }, 'actions', 'the action order:approve'],
    ['a shorter product class', { productClasses: ['E'] }, 'productClasses', 'an instrument of class E, CFI EPXXXX'],
    [
      'another product class',
      { productClasses: ['ESVUFR', 'FC'] },
      'productClasses',
      'an instrument of class FC, CFI FCXXXX',
    ],
    ['another venue', { venues: ['XNAS', 'XLON'] }, 'venues', 'venue XLON'],
    ['another jurisdiction', { jurisdictions: ['FR'] }, 'jurisdictions', 'jurisdiction FR'],
    ['another account', { accounts: ['ACC-001', 'ACC-009'] }, 'accounts', 'account ACC-009'],
    ['any account', { accounts: undefined }, 'accounts', 'account ANY-OTHER'],
    ['another counterparty', { counterparties: [firm] }, 'counterparties', `counterparty ${firm}`],
    ['any counterparty', { counterparties: undefined }, 'counterparties', 'counterparty 0000'],
    [
      'a larger order',
      { notionalPerOrder: { amount: '6000000', ccy: 'USD' } },
      'notionalPerOrder',
      'an order of 5000001 USD',
    ],
    [
      'an order larger by a cent',
      { notionalPerOrder: { amount: '5000000.01', ccy: 'USD' } },
      'notionalPerOrder',
      'an order of 5000000.01 USD',
    ],
    [
      'orders in another currency',
      { notionalPerOrder: { amount: '1', ccy: 'EUR' }, notionalPerDay: { amount: '1', ccy: 'EUR' } },
      'notionalPerOrder',
      'an order of 1 EUR',
    ],
    [
      'a larger day',
      { notionalPerDay: { amount: '30000000', ccy: 'USD' } },
      'notionalPerDay',
      'orders of 20000001 USD in one day',
    ],
    ['a larger quantity', { quantityPerOrder: '10000.5' }, 'quantityPerOrder', 'an order for a quantity of 10000.5'],
    ['any quantity', { quantityPerOrder: undefined }, 'quantityPerOrder', 'an order for a quantity of 10001'],
    ['another day', hours({ days: [1, 2, 6] }), 'hours', 'a Saturday 12:00 UTC'],
    ['an earlier hour', hours({ from: '07:59' }), 'hours', 'a Monday 07:59 UTC'],
    ['hours over midnight', hours({ days: [1], from: '17:00', until: '02:00' }), 'hours', 'a Monday 18:00 UTC'],
    ['any hour', { hours: undefined }, 'hours', 'a Saturday 12:00 UTC'],
    ['the same hours in another zone', hours({ timeZone: 'Asia/Tokyo' }), 'hours', 'within hours in Asia/Tokyo'],
  ])('refuses %s with a valid example', (_, change, constraint, example) => {
    const [parent, child] = [constraints(base), constraints({ ...cut, ...change })];
    const result = narrowConstraints(parent, child);
    expect(result).toMatchObject({
      ok: false,
      code: 'mandate_wider',
      counterexample: {
        constraint,
        example: expect.stringContaining(example),
        parentAllows: false,
        sentence: expect.stringMatching(/\.$/),
      },
    });
    const shown = result.ok ? undefined : result.counterexample.use;
    if (shown === undefined) return expect.unreachable('no use was shown');
    expect(permits(child, shown)).toEqual({ ok: true });
    expect(permits(parent, shown).ok).toBe(false);
  });

  const [hourly, daily] = whole.limits;
  const [ether, euro] = whole.assets;
  const [supervised, riskChecked] = whole.approvals;
  it.each<[string, object]>([
    ['the same, one less deep', {}],
    [
      'smaller limits',
      {
        limits: [
          { ...hourly, max: '5000000' },
          { ...daily, max: '10000' },
        ],
      },
    ],
    [
      'limits over longer windows',
      {
        limits: [
          { ...hourly, windowSeconds: 7_200 },
          { ...daily, windowSeconds: 90_000 },
        ],
      },
    ],
    ['limits beside those there are', { limits: [...whole.limits, { ...hourly, windowSeconds: 60, max: '9000000' }] }],
    ['fewer assets', { assets: [ether] }],
    [
      'less of an asset',
      {
        assets: [
          { ...ether, perOrder: '1', perDay: '1' },
          { ...euro, perDay: '1000' },
        ],
      },
    ],
    ['fewer destinations', { destinations: ['exchange-2'] }],
    ['more approvals', { approvals: [...whole.approvals, { role: 'compliance', count: 1 }] }],
    ['more approvals in one role', { approvals: [{ ...supervised, count: 8 }, riskChecked] }],
  ])('under every constraint accepts %s', (_, change) => {
    expect(narrowConstraints(constraints(whole), constraints({ ...wholeCut, ...change }))).toEqual({ ok: true });
  });

  it.each<[string, object, keyof Constraints, string]>([
    ['a larger limit', { limits: [{ ...hourly, max: '8000000.5' }, daily] }, 'limits', '8000000.5 USD in 3600 seconds'],
    [
      'a much larger limit',
      { limits: [{ ...hourly, max: '19000000' }, daily] },
      'limits',
      '8000001 USD in 3600 seconds',
    ],
    ['a limit left out', { limits: [daily] }, 'limits', '8000001 USD in 3600 seconds'],
    ['no limits', { limits: undefined }, 'limits', '8000001 USD in 3600 seconds'],
    [
      'a limit over a shorter window',
      { limits: [{ ...hourly, windowSeconds: 1_800 }, daily] },
      'limits',
      '8000001 USD in 3600 seconds',
    ],
    ['a limit of a quantity left out', { limits: [hourly] }, 'limits', '15001 units in 86400 seconds'],
    [
      'any quantity over time',
      { limits: [hourly, { ...daily, windowSeconds: 60 }] },
      'limits',
      '15001 units in 86400 seconds',
    ],
    [
      'another asset',
      { assets: [ether, { asset: { dti: '4H95J0R2X' }, perOrder: '1' }] },
      'assets',
      'moving 1 of the asset dti 4H95J0R2X',
    ],
    [
      'more of an asset',
      { assets: [{ ...ether, perOrder: '100.5' }] },
      'assets',
      'moving 100.5 of the asset dti X9J9K872S',
    ],
    [
      'more of an asset in a day',
      { assets: [{ ...ether, perDay: '300' }] },
      'assets',
      'moving 251 of the asset dti X9J9K872S in one day',
    ],
    [
      'any of an asset in a day',
      { assets: [{ ...ether, perDay: undefined }] },
      'assets',
      'moving 251 of the asset dti X9J9K872S in one day',
    ],
    [
      'more of a currency',
      { assets: [{ ...euro, perOrder: '1000.01' }] },
      'assets',
      'moving 1000.01 of the asset ccy EUR',
    ],
    ['any asset', { assets: undefined }, 'assets', 'moving 101 of the asset dti X9J9K872S'],
    ['another destination', { destinations: ['exchange-2', 'exchange-3'] }, 'destinations', 'destination exchange-3'],
    ['any destination', { destinations: undefined }, 'destinations', 'destination ANY-OTHER'],
    [
      'an approval less',
      { approvals: [supervised, { ...riskChecked, count: 1 }] },
      'approvals',
      'an intent with 1 approvals as risk',
    ],
    [
      'approvals in another role',
      { approvals: [riskChecked, { role: 'compliance', count: 8 }] },
      'approvals',
      'an intent with 0 approvals as supervisor',
    ],
    ['no approvals', { approvals: undefined }, 'approvals', 'an intent with 0 approvals as supervisor'],
  ])('under every constraint refuses %s with a valid example', (_, change, constraint, example) => {
    const [parent, child] = [constraints(whole), constraints({ ...wholeCut, ...change })];
    const result = narrowConstraints(parent, child);
    expect(result).toMatchObject({ code: 'mandate_wider', counterexample: { constraint, example } });
    const shown = result.ok ? undefined : result.counterexample.use;
    if (shown === undefined) return expect.unreachable('no use was shown');
    expect(permits(child, shown)).toEqual({ ok: true });
    expect(permits(parent, shown).ok).toBe(false);
  });

  it('does not exempt assets from a valuation under a parent that lists none, but allows limiting them', () => {
    const { assets, ...unlisted } = whole;
    const result = narrowConstraints(constraints(unlisted), constraints(wholeCut));
    expect(result).toMatchObject({
      counterexample: { constraint: 'assets', example: 'moving 100 of the asset dti X9J9K872S that nobody has valued' },
    });
    const shown = result.ok ? undefined : result.counterexample.use;
    if (shown === undefined) return expect.unreachable('no use was shown');
    expect(permits(constraints(wholeCut), shown)).toEqual({ ok: true });
    expect(permits(constraints(unlisted), shown)).toMatchObject({ code: 'mandate_notional' });
    const unmoving = constraints({ ...wholeCut, actions: ['order:create'], assets });
    expect(narrowConstraints(constraints(unlisted), unmoving)).toEqual({ ok: true });
  });

  it('gives any token as the example if the parent lists only money', () => {
    const parent = constraints({ ...whole, assets: [euro] });
    const result = narrowConstraints(parent, constraints({ ...wholeCut, assets: undefined }));
    expect(result).toMatchObject({ counterexample: { constraint: 'assets', use: { asset: { dti: '4H95J0R2X' } } } });
  });

  it('states the missing limit if limits over shorter windows may suffice, without an example', () => {
    const child = constraints({
      ...wholeCut,
      limits: [
        { ...hourly, windowSeconds: 3_000, max: '5000000' },
        { ...daily, max: '10000' },
      ],
      notionalPerDay: { amount: '7000000', ccy: 'USD' },
    });
    const result = narrowConstraints(constraints(whole), child);
    expect(result).toMatchObject({
      code: 'mandate_wider',
      counterexample: { constraint: 'limits', sentence: expect.stringContaining('state such a limit') },
    });
    expect(result.ok ? {} : result.counterexample).not.toHaveProperty('use');
  });

  it.each([3, 4, 8])('refuses a depth of %s below one of 3', (delegationDepth) => {
    expect(narrowConstraints(constraints(base), constraints({ ...cut, delegationDepth }))).toMatchObject({
      code: 'mandate_wider',
      counterexample: { constraint: 'delegationDepth' },
    });
  });

  it('refuses any mandate below one whose depth is used up', () => {
    expect(
      narrowConstraints(constraints({ ...base, delegationDepth: 0 }), constraints({ ...cut, delegationDepth: 0 })).ok,
    ).toBe(false);
  });

  it('refuses hours in another zone even if no difference is found, with advice', () => {
    const parent = constraints({ ...base, ...hours({ days: [1, 2, 3, 4, 5, 6, 7], from: '00:00', until: '23:59' }) });
    const child = constraints({
      ...cut,
      ...hours({ timeZone: 'Europe/Berlin', days: [3], from: '12:00', until: '13:00' }),
    });
    const result = narrowConstraints(parent, child);
    expect(result).toMatchObject({
      counterexample: { constraint: 'hours', sentence: expect.stringContaining('state them in UTC') },
    });
    expect(result.ok ? {} : result.counterexample).not.toHaveProperty('use');
  });

  it('accepts hours in any zone if the parent is open the whole week', () => {
    const parent = constraints({ ...base, ...hours({ days: [1, 2, 3, 4, 5, 6, 7], from: '00:00', until: '24:00' }) });
    expect(narrowConstraints(parent, constraints({ ...cut, ...hours({ timeZone: 'Asia/Kolkata' }) }))).toEqual({
      ok: true,
    });
    expect(narrowConstraints(parent, constraints({ ...cut, hours: undefined }))).toEqual({ ok: true });
  });
});
