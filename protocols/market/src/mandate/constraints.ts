import { compareDecimals } from '@countersign/kernel';
import { type Static, Type } from 'typebox';
import { parseDecimalText, parseQuantity } from '../authorization-details/field-rules.ts';
import { country, decimal, identifier, lei, mic, money } from '../authorization-details/fields.ts';
import { isCfiPrefix } from '../codes/cfi.ts';
import { parseAmount } from '../codes/currency.ts';
import { parseCountry, parseCurrency, parseLei, parseMic } from '../codes/index.ts';
import { accept, refuse } from '../parsed.ts';
import { isScope, parseScope, type Scope } from '../scopes.ts';
import { type Problem, shapeOf } from '../shape.ts';
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

const shape = shapeOf(
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
    timeZone: (value) =>
      isTimeZone(value)
        ? accept(value)
        : refuse('time_zone_unknown', 'The time zone is neither UTC nor one of the IANA database.'),
  },
);

/**
 * What a mandate permits. A list permits what it names and nothing else; an optional constraint that is
 * absent does not constrain. No list may be empty: a mandate that permits nothing is not a mandate, and
 * every constraint of one can thus be shown by an example.
 */
export const constraintsSchema = shape.schema;
export type Constraints = Static<typeof constraintsSchema>;
export type Hours = NonNullable<Constraints['hours']>;

/** Reads a mandate's constraints from outside. `path` is a JSON pointer to the field at fault. */
export function parseConstraints(
  value: unknown,
):
  | { readonly ok: true; readonly value: Constraints }
  | ({ readonly ok: false; readonly code: 'constraints_invalid' } & Problem) {
  const checked = shape.check(value);
  const problem = checked.ok ? brokenRelation(checked.value) : checked.problem;
  if (problem !== undefined) return { ok: false, code: 'constraints_invalid', ...problem };
  return checked.ok ? checked : { ok: false, code: 'constraints_invalid', ...checked.problem };
}

function brokenRelation({ notionalPerOrder, notionalPerDay, hours }: Constraints): Problem | undefined {
  for (const [path, limit] of [
    ['/notionalPerOrder/amount', notionalPerOrder],
    ['/notionalPerDay/amount', notionalPerDay],
  ] as const) {
    const positive = parseQuantity(limit.amount);
    if (!positive.ok) return { path, problem: 'amount_zero', detail: 'A limit is above zero.' };
    const payable = parseAmount(limit.amount, limit.ccy);
    if (!payable.ok) return { path, problem: payable.code, detail: payable.detail };
  }
  if (notionalPerOrder.ccy !== notionalPerDay.ccy)
    return {
      path: '/notionalPerDay/ccy',
      problem: 'limit_currencies',
      detail: 'The limits per order and per day are in one currency.',
    };
  if (compareDecimals(notionalPerOrder.amount, notionalPerDay.amount) > 0)
    return {
      path: '/notionalPerDay/amount',
      problem: 'limit_per_day',
      detail: 'The limit per day is below the limit per order.',
    };
  if (hours !== undefined && hours.from === hours.until)
    return {
      path: '/hours/until',
      problem: 'hours_empty',
      detail: 'The hours end when they begin. A whole day runs from 00:00 until 24:00.',
    };
  return undefined;
}

function parseAction(value: unknown) {
  if (isScope(value)) return accept(value);
  const parsed = parseScope(value);
  return parsed.ok ? refuse('scope_unknown', 'An action is one scope.') : parsed;
}
