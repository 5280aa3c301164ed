import fc from 'fast-check';
import { completeLei } from '../codes/lei.ts';
import {
  type AuthorizationDetail,
  type AuthorizationDetailType,
  accountTypes,
  authorizationDetailShapes,
  authorizationDetailTypes,
  capacities,
  parseAuthorizationDetail,
  partyRoles,
  reportActions,
  sides,
  timesInForce,
} from '../index.ts';

/** Authorization details of every type, with each optional field sometimes present. Long values rarely coincide. */

const identifier = fc.stringMatching(/^[0-9A-Za-z][0-9A-Za-z._:/@#+-]{15,40}$/);
const lei = fc
  .stringMatching(/^[0-9A-Z]{18}$/)
  .map((first) => completeLei(first))
  .filter((completed) => completed !== undefined);
const uti = fc.tuple(lei, fc.stringMatching(/^[0-9A-Z]{1,32}$/)).map(([first, rest]) => first + rest);
const tradeId = fc.stringMatching(/^txn_[0-7][0-9a-hjkmnp-tv-z]{25}$/);
const digest = fc.stringMatching(/^[0-9A-Za-z_-]{42}[AEIMQUYcgkosw048]$/);
const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
const chainId = fc.stringMatching(/^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{12,32}$/);
const address = fc.stringMatching(/^[0-9A-Za-z:._/-]{20,128}$/);
const visible = (min: number, max: number) => fc.stringMatching(new RegExp(`^[\\x21-\\x7e]{${min},${max}}$`));
const instant = fc
  .date({ min: new Date('2026-01-01T00:00:00Z'), max: new Date('2030-01-01T00:00:00Z'), noInvalidDate: true })
  .chain((date) => fc.constantFrom(date.toISOString(), date.toISOString().replace('Z', '+02:00')));
const day = fc
  .date({ min: new Date('2026-01-01T00:00:00Z'), max: new Date('2030-01-01T00:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10));
/** A decimal above zero with at most this many digits after the point, in canonical form. */
const decimal = (digits: number) =>
  fc.bigInt(1n, 10n ** 15n).map((units) => {
    const text = units.toString().padStart(digits + 1, '0');
    if (digits === 0) return text;
    const fraction = text.slice(-digits).replace(/0+$/, '');
    return fraction === '' ? text.slice(0, -digits) : `${text.slice(0, -digits)}.${fraction}`;
  });
const money = fc.oneof(
  fc.record({ amount: decimal(2), ccy: fc.constantFrom('USD', 'EUR', 'GBP') }),
  fc.record({ amount: decimal(0), ccy: fc.constant('JPY') }),
);
const dti = fc.constantFrom('X9J9K872S', '9X1Z1NQG5');
const isin = fc.constantFrom('US0378331005', 'DE0007164600');
const token = fc.record({ dti });
const instrument = fc
  .tuple(
    fc.oneof(
      fc.record({ isin }),
      fc.record({ dti }),
      fc.record({ upi: fc.constantFrom('QZRBG6ZTKS42', 'QZXQ4R16245X') }),
    ),
    fc.constantFrom('ESVUFR', 'DBFTFB', 'FFSCSX', 'SRCCSP', 'OCASPS'),
  )
  .map(([code, cfi]) => ({ ...code, cfi }));
const some = <Value>(values: fc.Arbitrary<Value>, most: number) =>
  fc.uniqueArray(values, { minLength: 1, maxLength: most });

const order = {
  account: identifier,
  instrument,
  venue_mic: fc.stringMatching(/^[0-9A-Z]{4}$/),
  side: fc.constantFrom(...sides),
  max_qty: decimal(6),
  limit_price: money,
  max_notional: money,
  tif: fc.constantFrom(...timesInForce),
  capacity: fc.constantFrom(...capacities),
  parties: fc.uniqueArray(fc.record({ role: fc.constantFrom(...partyRoles), lei }), {
    maxLength: 4,
    selector: ({ role, lei: of }) => `${role} ${of}`,
  }),
  algo: fc.record(
    { model_id: identifier, version: identifier, artifact_sha256: hex, cert_id: identifier },
    { requiredKeys: ['model_id', 'version', 'artifact_sha256'] },
  ),
  client_order_id: identifier,
};
const place = fc.oneof(fc.constant('CEDELULLXXX'), lei, chainId);
const settlementEnd = fc.oneof(fc.record({ lei, account: identifier }), fc.record({ lei, address }));

/** The fields of each type besides the common ones, and which of them are optional. */
const own: {
  readonly [Type in AuthorizationDetailType]: {
    readonly fields: Readonly<Record<string, fc.Arbitrary<unknown>>>;
    readonly optional?: readonly string[];
  };
} = {
  'urn:countersign:rar:v1:trade_order': { fields: order, optional: ['limit_price', 'algo'] },
  'urn:countersign:rar:v1:rfq': {
    fields: { ...order, counterparties_lei: some(lei, 4), quote_id: identifier, quote_expiry: instant },
    optional: ['limit_price', 'algo', 'quote_id', 'quote_expiry'],
  },
  'urn:countersign:rar:v1:allocation': {
    fields: {
      trade_ids: some(tradeId, 4),
      lines: fc.uniqueArray(fc.record({ account: identifier, qty: decimal(6) }), {
        minLength: 1,
        maxLength: 4,
        selector: ({ account }) => account,
      }),
      giveup_to_lei: lei,
    },
    optional: ['giveup_to_lei'],
  },
  'urn:countersign:rar:v1:clearing_submission': {
    fields: {
      trade_id: tradeId,
      uti,
      ccp_lei: lei,
      clearing_firm_lei: lei,
      client_account_type: fc.constantFrom(...accountTypes),
    },
  },
  'urn:countersign:rar:v1:settlement_instruction': {
    fields: {
      trade_id: tradeId,
      uti,
      sequence: fc.integer({ min: 1, max: 1_000_000 }),
      unit: fc.oneof(money, fc.record({ amount: decimal(6), dti })),
      deliverer: settlementEnd,
      receiver: settlementEnd,
      place_of_settlement: place,
      value_date: day,
      dvp: fc.boolean(),
      ssi_version: identifier,
    },
  },
  'urn:countersign:rar:v1:collateral_transfer': {
    fields: {
      agreement_id: identifier,
      direction: fc.constantFrom('DELIVER', 'RETURN'),
      unit: fc.oneof(
        money.map(({ amount, ccy }) => ({ qty: amount, asset: { ccy } })),
        fc.record({ qty: decimal(6), asset: fc.oneof(token, fc.record({ isin })) }),
      ),
      valuation_ref: identifier,
      call_id: identifier,
    },
    optional: ['call_id'],
  },
  'urn:countersign:rar:v1:address_book_change': {
    fields: {
      unit: fc.oneof(
        fc.record(
          {
            asset: token,
            chain_id: chainId,
            address,
            memo: fc.stringMatching(/^[\x21-\x7e]{16,40}( [\x21-\x7e]{1,10}){0,2}$/),
          },
          { requiredKeys: ['asset', 'chain_id', 'address'] },
        ),
        fc.record({ account: identifier, place_of_settlement: place }),
      ),
      beneficiary_lei: lei,
      cooling_off_until: instant,
    },
  },
  'urn:countersign:rar:v1:withdrawal': {
    fields: {
      asset: token,
      chain_id: chainId,
      network: identifier,
      address_id: identifier,
      amount: decimal(6),
      max_fee: decimal(6),
      calldata_hash: hex.map((text) => `0x${text}`),
    },
    optional: ['calldata_hash'],
  },
  'urn:countersign:rar:v1:regulatory_report': {
    fields: {
      regime: fc.stringMatching(/^[A-Z][A-Z0-9_-]{3,31}$/),
      uti,
      action: fc.constantFrom(...reportActions),
      tr_lei: lei,
    },
  },
  'urn:countersign:rar:v1:privileged_admin': {
    fields: {
      target: visible(16, 256),
      operation: identifier,
      before_hash: digest,
      after_hash: digest,
      ticket: identifier,
    },
    optional: ['before_hash'],
  },
};

function detailOf(type: AuthorizationDetailType): fc.Arbitrary<AuthorizationDetail> {
  const { fields, optional = [] } = own[type];
  const actions = authorizationDetailShapes[type].schema.properties.actions.items.enum as readonly string[];
  const common = {
    type: fc.constant(type),
    locations: some(
      visible(12, 60)
        .map((text) => `https://${text.replaceAll('#', '')}`)
        .filter((text) => URL.canParse(text)),
      3,
    ),
    actions: fc.subarray([...actions], { minLength: 1 }),
    entity_lei: lei,
    mandate_id: fc.stringMatching(/^mnd_[0-9a-hjkmnp-tv-z]{26}$/),
    idempotency_key: visible(16, 64),
    not_after: instant,
    jurisdiction: fc.constantFrom('DE', 'FR', 'US', 'JP'),
  };
  const all: Readonly<Record<string, fc.Arbitrary<unknown>>> = { ...common, ...fields };
  return fc
    .record(all, { requiredKeys: Object.keys(all).filter((key) => !optional.includes(key)) })
    .map(({ unit, ...rest }) => {
      const parsed = parseAuthorizationDetail({ ...rest, ...Object(unit) });
      if (!parsed.ok) throw new Error(`${type}${parsed.path} ${parsed.problem}: ${parsed.detail}`);
      return parsed.value;
    });
}

/** Details of the given types, or of any type. */
export function arbitraryDetail(...types: readonly AuthorizationDetailType[]): fc.Arbitrary<AuthorizationDetail> {
  return fc.oneof(...(types.length === 0 ? authorizationDetailTypes : types).map(detailOf));
}
