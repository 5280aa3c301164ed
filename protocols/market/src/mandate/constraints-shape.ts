import { type Static, Type } from 'typebox';
import {
  asset,
  country,
  currency,
  decimal,
  identifier,
  lei,
  mic,
  money,
  parseDecimalText,
  parseQuantity,
} from '../authorization-details/index.ts';
import { isCfiPrefix, parseCountry, parseCurrency, parseDti, parseIsin, parseLei, parseMic } from '../codes/index.ts';
import { accept, refuse } from '../parsed.ts';
import { approverRoles } from '../roles.ts';
import { isScope, parseScope, type Scope } from '../scopes.ts';
import { shapeOf } from '../shape.ts';
import { isTimeZone } from './local-time.ts';

const hours = Type.Object(
  {
    timeZone: Type.String({
      pattern: '^[A-Z][0-9A-Za-z_+-]*(/[0-9A-Za-z_+-]+){0,2}$',
      maxLength: 64,
      description: 'UTC or an IANA time zone',
    }),
    days: Type.Array(Type.Integer({ minimum: 1, maximum: 7 }), {
      minItems: 1,
      maxItems: 7,
      uniqueItems: true,
      description: 'Days on which the window opens: 1 is Monday, 7 is Sunday',
    }),
    from: Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', description: 'First minute within' }),
    until: Type.String({
      pattern: '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$',
      description: 'First minute no longer within; before `from`: on the next day',
    }),
  },
  { additionalProperties: false },
);

const windowLimit = Type.Object(
  {
    measure: Type.Enum(['notional', 'quantity']),
    windowSeconds: Type.Integer({
      minimum: 60,
      maximum: 31_622_400,
      description: 'What was used more than so long ago counts no more: from a minute to 366 days',
    }),
    ccy: Type.Optional(currency()),
    max: decimal(),
  },
  { additionalProperties: false, description: 'A rolling limit; `ccy` with a notional, and only there' },
);

const assetLimit = Type.Object(
  { asset: asset(), perOrder: decimal(), perDay: Type.Optional(decimal()) },
  { additionalProperties: false, description: 'How much of an asset one intent may move, and all of one UTC day' },
);

const wantedApproval = Type.Object(
  { role: Type.Enum([...approverRoles]), count: Type.Integer({ minimum: 1, maximum: 8 }) },
  { additionalProperties: false },
);

export const constraintsShape = shapeOf(
  Type.Object(
    {
      actions: Type.Array(Type.Unsafe<Scope>(Type.String({ minLength: 1, maxLength: 64 })), {
        minItems: 1,
        maxItems: 128,
        uniqueItems: true,
        description: 'Scopes',
      }),
      productClasses: Type.Array(Type.String({ pattern: '^[A-Z]{1,6}$' }), {
        minItems: 1,
        maxItems: 64,
        uniqueItems: true,
        description: 'CFI prefixes (ISO 10962)',
      }),
      venues: Type.Array(mic(), { minItems: 1, maxItems: 512, uniqueItems: true }),
      jurisdictions: Type.Array(country(), { minItems: 1, maxItems: 256, uniqueItems: true }),
      accounts: Type.Optional(Type.Array(identifier(), { minItems: 1, maxItems: 1024, uniqueItems: true })),
      counterparties: Type.Optional(Type.Array(lei(), { minItems: 1, maxItems: 1024, uniqueItems: true })),
      notionalPerOrder: money(),
      notionalPerDay: money(),
      quantityPerOrder: Type.Optional(decimal()),
      limits: Type.Optional(
        Type.Array(windowLimit, {
          minItems: 1,
          maxItems: 16,
          description: 'Most that may be used within the time up to now; one limit for each measure and window',
        }),
      ),
      assets: Type.Optional(
        Type.Array(assetLimit, {
          minItems: 1,
          maxItems: 64,
          description:
            'Assets that may be moved. What is listed may be moved by quantity where its worth in money is not known',
        }),
      ),
      destinations: Type.Optional(
        Type.Array(identifier(), {
          minItems: 1,
          maxItems: 1024,
          uniqueItems: true,
          description: 'Entries of the address book that value may be sent to',
        }),
      ),
      approvals: Type.Optional(
        Type.Array(wantedApproval, {
          minItems: 1,
          maxItems: approverRoles.length,
          description: 'Approvals wanted for every intent, beside those that policies want; each role once',
        }),
      ),
      hours: Type.Optional(hours),
      delegationDepth: Type.Integer({ minimum: 0, maximum: 8 }),
    },
    { additionalProperties: false },
  ),
  {
    actions: parseAction,
    productClasses: (value) =>
      typeof value === 'string' && isCfiPrefix(value)
        ? accept(value)
        : refuse('product_class_unknown', 'A product class is the first 1 to 6 letters of a CFI (ISO 10962), e.g. ES.'),
    venues: parseMic,
    jurisdictions: parseCountry,
    counterparties: parseLei,
    amount: parseDecimalText,
    ccy: parseCurrency,
    quantityPerOrder: parseQuantity,
    max: parseQuantity,
    perOrder: parseQuantity,
    perDay: parseQuantity,
    isin: parseIsin,
    dti: parseDti,
    timeZone: (value) =>
      isTimeZone(value)
        ? accept(value)
        : refuse('time_zone_unknown', 'The time zone is neither UTC nor one of the IANA database.'),
  },
);

/** A list permits only what it names and is never empty; an absent optional constraint does not constrain. */
export const constraintsSchema = constraintsShape.schema;
export type Constraints = Static<typeof constraintsSchema>;
export type Hours = NonNullable<Constraints['hours']>;
export type WindowLimit = NonNullable<Constraints['limits']>[number];
export type AssetLimit = NonNullable<Constraints['assets']>[number];
export type WantedApproval = NonNullable<Constraints['approvals']>[number];

function parseAction(value: unknown) {
  if (isScope(value)) return accept(value);
  const parsed = parseScope(value);
  return parsed.ok ? refuse('scope_unknown', 'An action is one scope.') : parsed;
}
