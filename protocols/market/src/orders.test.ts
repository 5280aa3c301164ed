import { parseId } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Order,
  orderToAuthorizationDetail,
  parseAuthorizationDetails,
  parseMic,
  parseOrderFile,
  venueRegistry,
} from './index.ts';
import { broker, clearer, firm } from './testing/example-details.ts';

const at = Date.parse('2026-11-21T09:30:00Z');
const mic = (text: string) => {
  const parsed = parseMic(text);
  return parsed.ok ? parsed.value : expect.unreachable();
};
const venues = venueRegistry([
  { mic: mic('XNAS'), operatingMic: mic('XNAS'), status: 'ACTIVE', category: 'RMKT' },
  { mic: mic('XOLD'), operatingMic: mic('XOLD'), status: 'EXPIRED', expiryDate: '2023-06-01', category: 'MLTF' },
]);
const context = { venues, at };

const row = {
  clientOrderId: 'ORD-1',
  idempotencyKey: 'key-0000-1',
  account: 'ACC-001',
  entityLei: firm,
  isin: 'US0378331005',
  cfi: 'ESVUFR',
  venueMic: 'XNAS',
  side: 'BUY',
  quantity: '1000',
  limitPrice: '190.125',
  currency: 'USD',
  notional: '190125',
  timeInForce: 'DAY',
  capacity: 'AOTC',
  parties: [{ role: 'ExecutingBroker', lei: broker }],
  algo: { modelId: 'vwap', version: '3.2.1', artifactSha256: 'ab'.repeat(32), certId: 'CERT-7' },
  jurisdiction: 'DE',
  notAfter: '2026-11-21T17:30:00Z',
  mandateId: 'mnd_01k9z3m8q4d6s0v2x5y7a9b1c3',
};
const numbered = (number: number, change: object = {}) => ({
  ...row,
  clientOrderId: `ORD-${number}`,
  idempotencyKey: `key-0000-${number}`,
  ...change,
});
const without = (...keys: string[]) => Object.fromEntries(Object.entries(row).filter(([key]) => !keys.includes(key)));

function read(value: unknown) {
  const file = parseOrderFile(value, context);
  return file.ok ? file.value : expect.unreachable(file.detail);
}
function order(value: unknown): Order {
  return read([value]).orders[0]?.order ?? expect.unreachable(JSON.stringify(read([value]).refusals));
}

describe('an order file', () => {
  it('returns its orders unchanged', () => {
    expect(read([row, numbered(2)])).toEqual({
      orders: [
        { row: 1, order: row },
        { row: 2, order: numbered(2) },
      ],
      refusals: [],
    });
    const least = without('limitPrice', 'algo', 'mandateId');
    expect(read([least])).toEqual({ orders: [{ row: 1, order: least }], refusals: [] });
    expect(read([])).toEqual({ orders: [], refusals: [] });
  });

  it.each<[string, unknown, string, string]>([
    ['an ISIN whose check digit fails', { ...row, isin: 'US0378331006' }, '/isin', 'isin_check_digit'],
    ['no ISIN', { ...row, isin: 'AAPL' }, '/isin', 'isin_malformed'],
    ['a CFI of five letters', { ...row, cfi: 'ESVUF' }, '/cfi', 'cfi_malformed'],
    ['a CFI of no category', { ...row, cfi: 'ZSVUFR' }, '/cfi', 'cfi_category'],
    ['a MIC in small letters', { ...row, venueMic: 'xnas' }, '/venueMic', 'mic_malformed'],
    ['a venue that is not registered', { ...row, venueMic: 'XLON' }, '/venueMic', 'mic_unknown'],
    ['a venue that has expired', { ...row, venueMic: 'XOLD' }, '/venueMic', 'mic_expired'],
    ['an LEI that is too short', { ...row, entityLei: firm.slice(1) }, '/entityLei', 'lei_malformed'],
    ['an LEI whose check digits fail', { ...row, entityLei: '529900T8BM49AURSDO54' }, '/entityLei', 'lei_check_digits'],
    [
      'a party whose LEI fails',
      { ...row, parties: [{ role: 'Client', lei: '529900T8BM49AURSDO54' }] },
      '/parties/0/lei',
      'lei_check_digits',
    ],
    ['a party in no role', { ...row, parties: [{ lei: broker }] }, '/parties/0/role', 'party_role_unknown'],
    ['an invalid party', { ...row, parties: ['Client'] }, '/parties/0', 'party_malformed'],
    [
      'a party with more to it',
      { ...row, parties: [{ role: 'Client', lei: broker, share: 1 }] },
      '/parties/0',
      'field_unknown',
    ],
    ['a party twice', { ...row, parties: [row.parties[0], row.parties[0]] }, '/parties', 'party_twice'],
    ['too many parties', { ...row, parties: Array(33).fill(row.parties[0]) }, '/parties', 'parties_malformed'],
    ['no currency', { ...row, currency: 'usd' }, '/currency', 'currency_unknown'],
    ['half a cent', { ...row, notional: '1.005' }, '/notional', 'amount_precision'],
    ['a notional of nothing', { ...row, notional: '0.00' }, '/notional', 'amount_zero'],
    ['a number for a notional', { ...row, notional: 190125 }, '/notional', 'amount_not_text'],
    ['a notional in another form', { ...row, notional: '1,000' }, '/notional', 'amount_malformed'],
    ['a negative quantity', { ...row, quantity: '-1' }, '/quantity', 'quantity_malformed'],
    ['a quantity of nothing', { ...row, quantity: '0' }, '/quantity', 'quantity_zero'],
    ['an invalid price', { ...row, limitPrice: 'market' }, '/limitPrice', 'amount_malformed'],
    ['no side', { ...row, side: 'HOLD' }, '/side', 'side_unknown'],
    ['no time in force', { ...row, timeInForce: 'SOON' }, '/timeInForce', 'time_in_force_unknown'],
    ['no capacity', { ...row, capacity: 'A' }, '/capacity', 'capacity_unknown'],
    ['no country', { ...row, jurisdiction: 'EU' }, '/jurisdiction', 'country_unknown'],
    ['30 February', { ...row, notAfter: '2027-02-30T12:00:00Z' }, '/notAfter', 'instant_malformed'],
    ['an end that has come', { ...row, notAfter: '2026-11-21T09:30:00Z' }, '/notAfter', 'not_after_passed'],
    ['a short idempotency key', { ...row, idempotencyKey: 'key' }, '/idempotencyKey', 'idempotency_key_malformed'],
    ['look-alike letters in the account', { ...row, account: 'АСС-001' }, '/account', 'identifier_malformed'],
    [
      'an artefact that is none',
      { ...row, algo: { ...row.algo, artifactSha256: 'x' } },
      '/algo/artifactSha256',
      'artifact_malformed',
    ],
    [
      'an algorithm without version',
      { ...row, algo: { modelId: 'vwap', artifactSha256: 'ab'.repeat(32) } },
      '/algo/version',
      'identifier_malformed',
    ],
    ['an invalid algorithm', { ...row, algo: 'vwap' }, '/algo', 'algo_malformed'],
    ['an algorithm with more to it', { ...row, algo: { ...row.algo, owner: 'x' } }, '/algo', 'field_unknown'],
    ['no mandate', { ...row, mandateId: 'mandate' }, '/mandateId', 'mandate_id_malformed'],
    ['an unknown field', { ...row, urgent: true }, '', 'field_unknown'],
    ['a field of the prototype', JSON.parse(JSON.stringify(row).replace('{', '{"__proto__":1,')), '', 'field_unknown'],
    ['nothing', null, '', 'order_malformed'],
    ['a list', [row], '', 'order_malformed'],
  ])('refuses an order with %s under its own code and row, and keeps the others', (_, bad, field, code) => {
    const file = read([numbered(7), bad, numbered(9)]);
    expect(file.orders.map((each) => each.row)).toEqual([1, 3]);
    expect(file.refusals).toHaveLength(1);
    expect(file.refusals[0]).toMatchObject({
      row: 2,
      code,
      problems: [{ field, code, detail: expect.stringMatching(/^[0-9A-Z].*\.$/) }],
    });
  });

  it.each(Object.keys(row).filter((key) => !['limitPrice', 'algo', 'mandateId'].includes(key)))(
    'refuses an order without %s',
    (key) => {
      expect(read([without(key)]).refusals).toMatchObject([
        { row: 1, problems: [{ field: `/${key}`, code: 'field_missing' }] },
      ]);
    },
  );

  it('reports everything wrong with an order, not only the first problem', () => {
    const [refusal] = read([
      { ...row, isin: 'US0378331006', venueMic: 'XOLD', entityLei: 'x', quantity: '0', notional: '1.005' },
    ]).refusals;
    expect(refusal?.clientOrderId).toBe('ORD-1');
    expect(refusal?.problems.map(({ code }) => code).sort()).toEqual([
      'amount_precision',
      'isin_check_digit',
      'lei_malformed',
      'mic_expired',
      'quantity_zero',
    ]);
  });

  it('refuses the second of two orders with the same client order id or idempotency key', () => {
    const file = read([
      row,
      numbered(2, { clientOrderId: 'ORD-1' }),
      numbered(3, { idempotencyKey: 'key-0000-1' }),
      row,
    ]);
    expect(file.orders.map((each) => each.row)).toEqual([1]);
    expect(file.refusals.map(({ row: number, problems }) => [number, problems.map(({ code }) => code)])).toEqual([
      [2, ['client_order_id_twice']],
      [3, ['idempotency_key_twice']],
      [4, ['client_order_id_twice', 'idempotency_key_twice']],
    ]);
  });

  it('refuses a repetition even of a refused order', () => {
    expect(read([{ ...row, side: 'HOLD' }, row]).refusals.map(({ code }) => code)).toEqual([
      'side_unknown',
      'client_order_id_twice',
    ]);
  });

  it('removes padding from amounts, so that one value has one text', () => {
    expect(order({ ...row, quantity: '1000.00', notional: '190125.50', limitPrice: '190.0' })).toMatchObject({
      quantity: '1000',
      notional: '190125.5',
      limitPrice: '190',
    });
    for (const text of ['1.', '.5', '01', '1 000', '1e3', '١٠', `1.${'0'.repeat(100)}`])
      expect(read([{ ...row, quantity: text }]).refusals, text).toMatchObject([{ code: 'quantity_malformed' }]);
  });

  it.each([[undefined], [null], [{}], ['[]']])('is refused when it is %j', (value) => {
    expect(parseOrderFile(value, context)).toMatchObject({ ok: false, code: 'order_file_malformed' });
  });

  it('is refused when it is too long', () => {
    expect(parseOrderFile([row, numbered(2)], { ...context, maxOrders: 1 })).toMatchObject({
      ok: false,
      code: 'order_file_too_long',
    });
  });

  it('loses nothing: every row is accepted or refused, whatever it holds', () => {
    const field = fc.constantFrom(...Object.keys(row));
    const anyRow = fc.oneof(
      fc.anything({ maxDepth: 3 }),
      fc.integer({ min: 1, max: 5 }).map((number) => numbered(number)),
      fc
        .tuple(fc.integer({ min: 1, max: 50 }), field, fc.anything({ maxDepth: 2 }))
        .map(([number, key, value]) => numbered(number, { [key]: value })),
    );
    fc.assert(
      fc.property(fc.array(anyRow, { maxLength: 12 }), (rows) => {
        const { orders, refusals } = read(rows);
        const seen = [...orders, ...refusals].map((each) => each.row).sort((a, b) => a - b);
        expect(seen).toEqual(rows.map((_, index) => index + 1));
        expect(refusals.every(({ problems }) => problems.length > 0)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the authorization detail of an order', () => {
  const mandateId = parseId('mandate', row.mandateId) ?? expect.unreachable();
  const under = { mandateId, locations: ['https://venue.example/orders'], actions: ['create', 'execute'] as const };

  it('asks for exactly the order', () => {
    const detail = orderToAuthorizationDetail(order(row), under);
    expect(parseAuthorizationDetails([detail])).toEqual({ ok: true, value: [detail] });
    expect(detail).toEqual({
      type: 'urn:countersign:rar:v1:trade_order',
      locations: ['https://venue.example/orders'],
      actions: ['create', 'execute'],
      entity_lei: firm,
      mandate_id: row.mandateId,
      idempotency_key: 'key-0000-1',
      not_after: '2026-11-21T17:30:00Z',
      jurisdiction: 'DE',
      account: 'ACC-001',
      instrument: { isin: 'US0378331005', cfi: 'ESVUFR' },
      venue_mic: 'XNAS',
      side: 'BUY',
      max_qty: '1000',
      limit_price: { amount: '190.125', ccy: 'USD' },
      max_notional: { amount: '190125', ccy: 'USD' },
      tif: 'DAY',
      capacity: 'AOTC',
      parties: [{ role: 'ExecutingBroker', lei: broker }],
      algo: { model_id: 'vwap', version: '3.2.1', artifact_sha256: 'ab'.repeat(32), cert_id: 'CERT-7' },
      client_order_id: 'ORD-1',
    });
  });

  it('has no limit price and no algorithm where the order has none', () => {
    const detail = orderToAuthorizationDetail(order(without('limitPrice', 'algo', 'mandateId')), under);
    expect(detail).not.toHaveProperty('limit_price');
    expect(detail).not.toHaveProperty('algo');
  });

  it('is not made under a mandate other than the order’s', () => {
    const other = parseId('mandate', 'mnd_11k9z3m8q4d6s0v2x5y7a9b1c3') ?? expect.unreachable();
    expect(() => orderToAuthorizationDetail(order(row), { ...under, mandateId: other })).toThrow(
      expect.objectContaining({ code: 'order_mandate_mismatch' }),
    );
  });

  it.each([[['orders']], [[]]])('is not made for locations %j', (locations) => {
    expect(() => orderToAuthorizationDetail(order(row), { ...under, locations })).toThrow(
      expect.objectContaining({ code: 'invalid_authorization_details' }),
    );
  });

  it('names the clearing firm when the order does', () => {
    const parties = [...row.parties, { role: 'ClearingFirm', lei: clearer }];
    expect(orderToAuthorizationDetail(order({ ...row, parties }), under).parties).toEqual(parties);
  });
});
