import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AuthorizationDetail,
  authorizationDetailShapes,
  authorizationDetailTypes,
  describeAuthorizationDetail,
  parseAuthorizationDetails,
} from '../index.ts';
import { broker, examples, firm, settlementAccount } from '../testing/example-details.ts';

const names = Object.keys(examples) as (keyof typeof examples)[];

type Path = readonly (string | number)[];

/** Copies a JSON value and replaces the value at a path; `undefined` removes it. */
function changed(root: unknown, path: Path, to: unknown): unknown {
  const copy: unknown = structuredClone(root);
  let holder: unknown = copy;
  for (const step of path.slice(0, -1)) holder = Reflect.get(Object(holder), step);
  const last = path[path.length - 1] ?? '';
  if (to === undefined) Reflect.deleteProperty(Object(holder), last);
  else Object.defineProperty(holder, last, { value: to, enumerable: true, writable: true, configurable: true });
  return copy;
}

/** Every path to a value that is neither object nor array. */
function leaves(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, member]) =>
    leaves(member, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

function parsed(value: unknown): AuthorizationDetail {
  const result = parseAuthorizationDetails([value]);
  if (!result.ok) throw new Error(`${result.path} ${result.problem}: ${result.detail}`);
  const [detail] = result.value;
  if (detail === undefined) throw new Error('nothing parsed');
  return detail;
}

describe('authorization details', () => {
  it('have ten types, each with an example here', () => {
    expect(authorizationDetailTypes.map((type) => type.replace('urn:countersign:rar:v1:', ''))).toEqual(names);
  });

  it.each(names)('of type %s are accepted unchanged', (name) => {
    expect(parseAuthorizationDetails([examples[name]])).toEqual({ ok: true, value: [examples[name]] });
  });

  it('are accepted together, up to the maximum number', () => {
    const all = names.map((name) => examples[name]);
    expect(parseAuthorizationDetails(all)).toMatchObject({ ok: true });
    expect(parseAuthorizationDetails(all, { maxItems: 9 })).toMatchObject({ ok: false, problem: 'too_many' });
    const many = Array.from({ length: 17 }, (_, index) => ({
      ...examples.trade_order,
      idempotency_key: `key-0000-${index}`,
    }));
    expect(parseAuthorizationDetails(many)).toMatchObject({ ok: false, problem: 'too_many' });
    expect(parseAuthorizationDetails(many.slice(1))).toMatchObject({ ok: true });
  });

  it('may not name one intent twice', () => {
    expect(parseAuthorizationDetails([examples.trade_order, { ...examples.trade_order, max_qty: '1' }])).toMatchObject({
      ok: false,
      code: 'invalid_authorization_details',
      problem: 'intent_twice',
      path: '/1/idempotency_key',
    });
  });

  it.each(names)('of type %s are refused without any one of their required fields', (name) => {
    for (const field of Object.keys(examples[name])) {
      const required = authorizationDetailShapes[parsed(examples[name]).type].schema.required as readonly string[];
      const result = parseAuthorizationDetails([changed(examples[name], [field], undefined)]);
      const at = { code: 'invalid_authorization_details', path: `/0/${field}` };
      if (field === 'type') expect(result).toMatchObject({ ...at, problem: 'type_unknown' });
      else if (required.includes(field)) expect(result).toMatchObject({ ...at, problem: 'field_missing' });
    }
  });

  it.each(names)('of type %s are refused with an unknown field, however deep', (name) => {
    const holders = new Set(leaves(examples[name]).map((path) => JSON.stringify(path.slice(0, -1))));
    for (const holder of holders) {
      const path = JSON.parse(holder) as Path;
      // Items of string lists have no fields.
      if (path.length > 0 && ['locations', 'actions', 'trade_ids', 'counterparties_lei'].includes(String(path.at(-1))))
        continue;
      for (const firstOutside of ['ma_qty', '__proto__', 'constructor', 'toString']) {
        expect(parseAuthorizationDetails([changed(examples[name], [...path, firstOutside], 'x')])).toMatchObject({
          ok: false,
          code: 'invalid_authorization_details',
          problem: 'field_unknown',
          path: ['', 0, ...path].join('/'),
        });
      }
    }
  });

  it.each(names)('of type %s are refused with a value of another kind anywhere', (name) => {
    for (const path of leaves(examples[name]))
      for (const other of [
        null,
        {},
        [],
        '',
        ' ',
        'x'.repeat(2000),
        1.5,
        -1,
        Number.MAX_SAFE_INTEGER,
        '\u202e',
        { toString: 1 },
      ])
        expect(
          parseAuthorizationDetails([changed(examples[name], path, other)]),
          `${path.join('/')} = ${JSON.stringify(other)}`,
        ).toMatchObject({
          ok: false,
          code: 'invalid_authorization_details',
        });
  });

  const order = examples.trade_order;
  it.each<[string, unknown, string, string]>([
    [
      'an ISIN whose check digit fails',
      changed(order, ['instrument', 'isin'], 'US0378331006'),
      '/0/instrument/isin',
      'isin_check_digit',
    ],
    ['an invalid ISIN', changed(order, ['instrument', 'isin'], 'AAPL'), '/0/instrument/isin', 'isin_malformed'],
    [
      'two codes for the instrument',
      changed(order, ['instrument', 'dti'], 'X9J9K872S'),
      '/0/instrument',
      'not_exactly_one',
    ],
    [
      'no code for the instrument',
      changed(order, ['instrument', 'isin'], undefined),
      '/0/instrument',
      'not_exactly_one',
    ],
    ['a CFI of no category', changed(order, ['instrument', 'cfi'], 'ZSVUFR'), '/0/instrument/cfi', 'cfi_category'],
    [
      'an LEI whose check digits fail',
      changed(order, ['entity_lei'], '529900T8BM49AURSDO54'),
      '/0/entity_lei',
      'lei_check_digits',
    ],
    [
      'a party whose LEI fails',
      changed(order, ['parties', 1, 'lei'], '529900T8BM49AURSDO54'),
      '/0/parties/1/lei',
      'lei_check_digits',
    ],
    ['an unknown role', changed(order, ['parties', 0, 'role'], 'Friend'), '/0/parties/0/role', 'field_malformed'],
    ['a party named twice', changed(order, ['parties', 1], order.parties[0]), '/0/parties', 'field_malformed'],
    [
      'a currency that is none',
      changed(order, ['max_notional', 'ccy'], 'ZZZ'),
      '/0/max_notional/ccy',
      'currency_unknown',
    ],
    ['half a cent', changed(order, ['max_notional', 'amount'], '1.005'), '/0/max_notional/amount', 'amount_precision'],
    [
      'half a yen',
      changed(order, ['max_notional'], { amount: '1.5', ccy: 'JPY' }),
      '/0/max_notional/amount',
      'amount_precision',
    ],
    [
      'an amount in another form',
      changed(order, ['max_notional', 'amount'], '1.50'),
      '/0/max_notional/amount',
      'amount_malformed',
    ],
    [
      'an amount with an exponent',
      changed(order, ['max_notional', 'amount'], '1e9'),
      '/0/max_notional/amount',
      'amount_malformed',
    ],
    [
      'a number for an amount',
      changed(order, ['max_notional', 'amount'], 5),
      '/0/max_notional/amount',
      'field_malformed',
    ],
    ['a notional of nothing', changed(order, ['max_notional', 'amount'], '0'), '/0/max_notional/amount', 'amount_zero'],
    ['a quantity of nothing', changed(order, ['max_qty'], '0'), '/0/max_qty', 'quantity_zero'],
    ['a negative quantity', changed(order, ['max_qty'], '-1'), '/0/max_qty', 'quantity_malformed'],
    ['a MIC in small letters', changed(order, ['venue_mic'], 'xnas'), '/0/venue_mic', 'mic_malformed'],
    ['no country', changed(order, ['jurisdiction'], 'EU'), '/0/jurisdiction', 'country_unknown'],
    ['30 February', changed(order, ['not_after'], '2026-02-30T12:00:00Z'), '/0/not_after', 'instant_malformed'],
    ['the 24th hour', changed(order, ['not_after'], '2026-11-21T24:00:00Z'), '/0/not_after', 'instant_malformed'],
    ['a time without zone', changed(order, ['not_after'], '2026-11-21T12:00:00'), '/0/not_after', 'instant_malformed'],
    [
      'a short idempotency key',
      changed(order, ['idempotency_key'], 'x'.repeat(7)),
      '/0/idempotency_key',
      'field_malformed',
    ],
    [
      'a long idempotency key',
      changed(order, ['idempotency_key'], 'x'.repeat(65)),
      '/0/idempotency_key',
      'field_malformed',
    ],
    [
      'a space in the idempotency key',
      changed(order, ['idempotency_key'], 'order 2026'),
      '/0/idempotency_key',
      'field_malformed',
    ],
    [
      'a mandate by another id',
      changed(order, ['mandate_id'], 'txn_01k9z3m8q4d6s0v2x5y7a9b1c3'),
      '/0/mandate_id',
      'mandate_id_malformed',
    ],
    ['a relative location', changed(order, ['locations', 0], '/orders'), '/0/locations/0', 'location_malformed'],
    [
      'a location with a fragment',
      changed(order, ['locations', 0], 'https://venue.example/#a'),
      '/0/locations/0',
      'location_malformed',
    ],
    ['no location', changed(order, ['locations'], []), '/0/locations', 'field_malformed'],
    ['an unknown action', changed(order, ['actions', 0], 'withdraw'), '/0/actions/0', 'field_malformed'],
    ['an action twice', changed(order, ['actions'], ['create', 'create']), '/0/actions', 'field_malformed'],
    ['an unknown side', changed(order, ['side'], 'buy'), '/0/side', 'field_malformed'],
    ['look-alike letters in an account', changed(order, ['account'], 'АСС-001'), '/0/account', 'field_malformed'],
    [
      'a UPI whose check character fails',
      changed(examples.rfq, ['instrument', 'upi'], 'QZRBG6ZTKS52'),
      '/0/instrument/upi',
      'upi_check_character',
    ],
    ['no counterparty', changed(examples.rfq, ['counterparties_lei'], []), '/0/counterparties_lei', 'field_malformed'],
    [
      'a firm that asks itself for a quote',
      changed(examples.rfq, ['counterparties_lei', 0], firm),
      '/0/counterparties_lei',
      'counterparty_own',
    ],
    [
      'an account allocated to twice',
      changed(examples.allocation, ['lines', 1, 'account'], 'FUND-A'),
      '/0/lines',
      'account_twice',
    ],
    ['a UTI without LEI', changed(examples.clearing_submission, ['uti'], 'A'.repeat(30)), '/0/uti', 'uti_lei'],
    [
      'a settlement in two units',
      changed(examples.settlement_instruction, ['dti'], 'X9J9K872S'),
      '/0',
      'not_exactly_one',
    ],
    [
      'a settlement of no trade',
      changed(examples.settlement_instruction, ['trade_id'], undefined),
      '/0/trade_id',
      'field_missing',
    ],
    [
      'a settlement of something that is not a transaction',
      changed(examples.settlement_instruction, ['trade_id'], 'txn_uuuuuuuuuuuuuuuuuuuuuuuuuu'),
      '/0/trade_id',
      'trade_id_malformed',
    ],
    ['an allocation of no trade', changed(examples.allocation, ['trade_ids'], []), '/0/trade_ids', 'field_malformed'],
    [
      'an allocation of something that is not a transaction',
      changed(examples.allocation, ['trade_ids', 0], 'txn_iiiiiiiiiiiiiiiiiiiiiiiiii'),
      '/0/trade_ids/0',
      'trade_id_malformed',
    ],
    [
      'a destination that is an address and an account',
      changed(examples.address_book_change, ['account'], 'CASH-9'),
      '/0',
      'not_exactly_one',
    ],
    [
      'an address without its chain',
      changed(examples.address_book_change, ['chain_id'], undefined),
      '/0',
      'destination_incomplete',
    ],
    [
      'an address with a place of settlement',
      changed(examples.address_book_change, ['place_of_settlement'], 'CEDELULLXXX'),
      '/0/place_of_settlement',
      'destination_mixed',
    ],
    [
      'an account without its place',
      changed(settlementAccount, ['place_of_settlement'], undefined),
      '/0',
      'destination_incomplete',
    ],
    ['an account with a memo', changed(settlementAccount, ['memo'], 'desk 4'), '/0/memo', 'destination_mixed'],
    ['a settlement in no unit', changed(examples.settlement_instruction, ['ccy'], undefined), '/0', 'not_exactly_one'],
    [
      'a deliverer at two places',
      changed(examples.settlement_instruction, ['deliverer', 'address'], 'a1'),
      '/0/deliverer',
      'not_exactly_one',
    ],
    [
      'a receiver at no place',
      changed(examples.settlement_instruction, ['receiver', 'account'], undefined),
      '/0/receiver',
      'not_exactly_one',
    ],
    [
      'a settlement of a tenth of a cent',
      changed(examples.settlement_instruction, ['amount'], '0.001'),
      '/0/amount',
      'amount_precision',
    ],
    [
      'a place of settlement that is none',
      changed(examples.settlement_instruction, ['place_of_settlement'], 'nowhere'),
      '/0/place_of_settlement',
      'place_of_settlement_malformed',
    ],
    [
      '29 February in a common year',
      changed(examples.settlement_instruction, ['value_date'], '2026-02-29'),
      '/0/value_date',
      'date_malformed',
    ],
    [
      'collateral of two kinds',
      changed(examples.collateral_transfer, ['asset', 'isin'], 'US0378331005'),
      '/0/asset',
      'not_exactly_one',
    ],
    ['a withdrawal of nothing', changed(examples.withdrawal, ['amount'], '0'), '/0/amount', 'amount_zero'],
    [
      'a withdrawal of no token',
      changed(examples.withdrawal, ['asset', 'dti'], 'X9J9K873S'),
      '/0/asset/dti',
      'dti_check_character',
    ],
    [
      'an address in look-alike letters',
      changed(examples.address_book_change, ['address'], '0х52908400098527886E0F7030069857D2E4169EE7'),
      '/0/address',
      'field_malformed',
    ],
    [
      'a memo that turns the writing direction',
      changed(examples.address_book_change, ['memo'], 'a\u202eb'),
      '/0/memo',
      'field_malformed',
    ],
    [
      'a change of nothing to nothing',
      changed(changed(examples.privileged_admin, ['before_hash'], undefined), ['after_hash'], undefined),
      '/0',
      'hash_missing',
    ],
    ['an unknown type', { ...order, type: 'urn:countersign:rar:v2:trade_order' }, '/0/type', 'type_unknown'],
    ['a type from the prototype', { ...order, type: 'constructor' }, '/0/type', 'type_unknown'],
    ['no object', 'trade_order', '/0', 'not_an_object'],
    ['a list in a list', [order], '/0', 'not_an_object'],
  ])('with %s are refused with the reason', (_, detail, path, problem) => {
    const result = parseAuthorizationDetails([detail]);
    expect(result).toMatchObject({ ok: false, code: 'invalid_authorization_details', path, problem });
    expect(result.ok ? '' : result.detail).toMatch(/^[0-9A-Z].*\.$/s);
  });

  it.each([[undefined], [null], ['[]'], [{}], [{ length: 1 }]])(
    'are refused when they are %j and not a list',
    (value) => {
      expect(parseAuthorizationDetails(value)).toMatchObject({ ok: false, problem: 'not_a_list' });
    },
  );

  it('are refused when the list is empty', () => {
    expect(parseAuthorizationDetails([])).toMatchObject({ ok: false, problem: 'empty' });
  });

  it('never cause an exception, whatever they are', () => {
    fc.assert(
      fc.property(fc.anything({ maxDepth: 4, withNullPrototype: true, withMap: true, withDate: true }), (value) => {
        expect(parseAuthorizationDetails([value]).ok).toBe(false);
      }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.anything({ maxDepth: 2 }), fc.nat(), (name, value, pick) => {
        const paths = leaves(examples[name]);
        const result = parseAuthorizationDetails([
          changed(examples[name], paths[pick % paths.length] ?? [], value ?? null),
        ]);
        expect(typeof result.ok).toBe('boolean');
      }),
    );
  });

  it('do not repeat long or unprintable input in the refusal', () => {
    for (const firstOutside of ['x'.repeat(100_000), 'a\u202eb']) {
      const result = parseAuthorizationDetails([changed(order, [firstOutside], 1)]);
      expect(result.ok ? '' : JSON.stringify(result)).not.toContain(firstOutside);
    }
  });
});

describe('the description of an authorization detail', () => {
  const rendered = (value: unknown) => {
    const { title, lines } = describeAuthorizationDetail(parsed(value));
    return [title, ...lines.map(({ label, value: text }) => `${label}: ${text}`)].join('\n');
  };

  it('decodes an order into plain words', () => {
    expect(describeAuthorizationDetail(parsed(examples.trade_order))).toMatchObject({
      title: 'Buy up to 1,000 of ISIN US0378331005 on XNAS',
      lines: [
        { label: 'Side', value: 'Buy' },
        { label: 'Quantity', value: 'at most 1,000' },
        { label: 'Instrument', value: 'ISIN US0378331005' },
        { label: 'Class', value: 'Equities, common shares (CFI ESVUFR)' },
        { label: 'Venue', value: 'MIC XNAS' },
        { label: 'Account', value: 'ACC-001' },
        { label: 'Limit price', value: '190.125 USD (US Dollar)' },
        { label: 'Notional', value: 'at most 190,125 USD (US Dollar)' },
        { label: 'Time in force', value: 'this trading day (DAY)' },
        { label: 'Capacity', value: 'for a client, as agent (AOTC)' },
        { label: 'ExecutingBroker', value: `LEI ${broker}` },
        { label: 'ClearingFirm', value: 'LEI 5493001KJTIIGC8Y1R12' },
        { label: 'Algorithm', value: 'vwap, version 3.2.1' },
        { label: 'Algorithm artefact (SHA-256)', value: 'ab'.repeat(32) },
        { label: 'Algorithm certificate', value: 'CERT-7' },
        { label: 'Client order id', value: 'ORD-1' },
        { label: 'Kind of intent', value: 'Order (urn:countersign:rar:v1:trade_order)' },
        { label: 'Acting for', value: `LEI ${firm}` },
        { label: 'Jurisdiction', value: 'Germany (DE)' },
        { label: 'Mandate', value: 'mnd_01k9z3m8q4d6s0v2x5y7a9b1c3' },
        { label: 'Not after', value: '2026-11-21 17:30:00 UTC' },
        { label: 'Actions', value: 'create, execute, clear' },
        { label: 'At', value: 'https://venue.example/orders, https://clearing.example/' },
        { label: 'Idempotency key', value: 'order-2026-0001' },
      ],
    });
  });

  /** Another value that is valid in the same place. */
  const others: readonly unknown[] = [
    '529900T8BM49AURSDO55',
    '5493001KJTIIGC8Y1R12',
    'mnd_11k9z3m8q4d6s0v2x5y7a9b1c3',
    'txn_11k9z3m8q4d6s0v2x5y7a9b1c3',
    '2027-01-04T08:00:00Z',
    '2027-01-04',
    'FR',
    'DE0007164600',
    'QZXQ4R16245X',
    '9X1Z1NQG5',
    'EPVUFR',
    'OCASPS',
    'XETR',
    'SELL',
    'RETURN',
    '17',
    'EUR',
    'USD',
    'GTC',
    'DEAL',
    'Client',
    'AggregateClient',
    'Custodian',
    'other-name-1',
    'https://other.example/',
    'cancel',
    'approve',
    'giveup',
    'affirm',
    'correct',
    'MODI',
    '529900T8BM49AURSDO55TRADE0002',
    7,
    false,
    'ef'.repeat(32),
    `0x${'ef'.repeat(32)}`,
    'C'.repeat(43),
    '969500VENUEEXAMPLE02',
    'eip155:10',
    'MIFIR',
    'DEUTDEFF',
    'substitute',
  ];

  it.each(names)('of type %s differs whenever any one field differs', (name) => {
    const before = rendered(examples[name]);
    for (const path of leaves(examples[name])) {
      if (path[0] === 'type') continue;
      const different = others.filter((other) => {
        const candidate = changed(examples[name], path, other);
        return (
          JSON.stringify(candidate) !== JSON.stringify(examples[name]) && parseAuthorizationDetails([candidate]).ok
        );
      });
      expect(different.length, `no other good value for ${path.join('/')}`).toBeGreaterThan(0);
      for (const other of different)
        expect(rendered(changed(examples[name], path, other)), path.join('/')).not.toBe(before);
    }
  });

  it.each(names)('of type %s differs when an optional field is left out', (name) => {
    for (const field of Object.keys(examples[name])) {
      const without = changed(examples[name], [field], undefined);
      if (parseAuthorizationDetails([without]).ok) expect(rendered(without), field).not.toBe(rendered(examples[name]));
    }
  });
});
