import { approverRoles, type LimitMeasure, type LimitWindow, type PolicyBundle } from '@countersign/contracts';
import { parseDecimal } from '@countersign/kernel';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { isApproverRole } from './annotations.ts';
import { firstFaultIn } from './located.ts';

export const limitDimensions = ['institution', 'client', 'desk', 'trader', 'counterparty', 'instrument'] as const;
export type LimitDimension = (typeof limitDimensions)[number];

const closed = { additionalProperties: false };
const definitionSchema = Type.Object(
  {
    id: Type.String({ pattern: '^[a-z][a-z0-9_-]{0,63}$' }),
    /** What counts: orders and requests for quotes (the default), or cash collateral. */
    of: Type.Optional(Type.Enum(['orders', 'collateral'])),
    measure: Type.Union([Type.Literal('notional'), Type.Literal('quantity')]),
    per: Type.Array(Type.Enum([...limitDimensions]), { minItems: 1, maxItems: 3, uniqueItems: true }),
    window: Type.Union([
      Type.Literal('order'),
      Type.Object({ rolling_seconds: Type.Integer({ minimum: 60, maximum: 31 * 86_400 }) }, closed),
    ]),
    max: Type.String({ maxLength: 32 }),
    /** ISO 4217 code for a notional, `unit` for a quantity. */
    unit: Type.String({ minLength: 1, maxLength: 16 }),
    /** Whom it applies to; everyone when absent. Values as in the entities of policies. */
    only: Type.Optional(
      Type.Object(
        {
          institution: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
          desk: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
          trader: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
          /** CFI categories. */
          product: Type.Optional(Type.Array(Type.String({ pattern: '^[A-Z]$' }), { minItems: 1 })),
          agents: Type.Optional(Type.Boolean()),
        },
        closed,
      ),
    ),
    /** Role whose approval permits an order to exceed it; none when absent. */
    overridable_by: Type.Optional(Type.String({ pattern: '^[a-z][a-z0-9-]{0,63}$' })),
    detail: Type.Optional(Type.String({ maxLength: 512 })),
  },
  closed,
);

const compiled = Compile(definitionSchema);

export type LimitDefinition = Static<typeof definitionSchema> & { readonly measure: LimitMeasure };

export function windowOf({ window }: LimitDefinition): LimitWindow {
  return window === 'order' ? { kind: 'order' } : { kind: 'rolling', seconds: window.rolling_seconds };
}

/** Collateral has no counterparty, instrument or product. */
function isOfCollateral({ measure, per, only }: LimitDefinition): boolean {
  const countable = per.every((dimension) => dimension !== 'counterparty' && dimension !== 'instrument');
  return measure === 'notional' && countable && only?.product === undefined;
}

/** @returns the valid definitions, and problems in words */
export function readLimits({ limits, rates }: Pick<PolicyBundle, 'limits' | 'rates'>): {
  readonly definitions: readonly LimitDefinition[];
  readonly problems: readonly string[];
} {
  const problems: string[] = [];
  const definitions: LimitDefinition[] = [];
  const ids = new Set<string>();
  for (const [index, limit] of limits.entries()) {
    if (!compiled.Check(limit)) {
      problems.push(`limit ${index}: ${firstFaultIn(limit, compiled) ?? 'it is invalid'}`);
      continue;
    }
    if (ids.has(limit.id)) problems.push(`the id ${limit.id} is used twice`);
    ids.add(limit.id);
    if (parseDecimal(limit.max) === undefined) problems.push(`${limit.id}: max is not a decimal`);
    if (limit.measure === 'notional' && !/^[A-Z]{3}$/.test(limit.unit))
      problems.push(`${limit.id}: the unit of a notional is a currency (ISO 4217)`);
    if (limit.of === 'collateral' && !isOfCollateral(limit))
      problems.push(
        `${limit.id}: collateral is counted as a notional, by institution, client, desk or trader, of any product`,
      );
    if (limit.overridable_by !== undefined && !isApproverRole(limit.overridable_by))
      problems.push(`${limit.id}: approvals are given as ${approverRoles.join(', ')}, not as ${limit.overridable_by}`);
    definitions.push(limit);
  }
  for (const [pair, rate] of Object.entries(rates))
    if (!/^[A-Z]{3}\/[A-Z]{3}$/.test(pair) || parseDecimal(rate) === undefined || !/[1-9]/.test(rate))
      problems.push(`the rate ${pair.slice(0, 16)} is not a pair of currencies and a positive decimal`);
  return { definitions, problems };
}
