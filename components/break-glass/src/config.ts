import { hardwareAcr, phishingResistantAcr } from '@countersign/contracts';
import { parseConfiguration } from '@countersign/runtime';
import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false };
const role = Type.String({ pattern: '^[a-z][a-z0-9-]{0,63}$' });
const roles = Type.Array(role, { minItems: 1, maxItems: 16, uniqueItems: true });

export const breakGlassSchema = Type.Object(
  {
    /** Role of both holders; `break-glass` by default. */
    holderRole: Type.Optional(role),
    /** Roles that are alerted and may review; by default compliance, risk and security. */
    reviewRoles: Type.Optional(roles),
    /** Time limit for the second holder; 15 by default. */
    secondMinutes: Type.Optional(Type.Integer({ minimum: 5, maximum: 60 })),
    /** Time limit for the review; 24 by default. */
    reviewHours: Type.Optional(Type.Integer({ minimum: 1, maximum: 72 })),
    /** Classes of authenticators that sign; by default `phrh`, in development `phr` as well. */
    acrValues: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 128 }), { minItems: 1, maxItems: 8 })),
  },
  closed,
);
export type BreakGlassConfiguration = Readonly<Static<typeof breakGlassSchema>>;

export type BreakGlassSettings = ReturnType<typeof breakGlassSettings>;

/** @throws CodedError `configuration_invalid` */
export function breakGlassSettings(input: BreakGlassConfiguration, environment: 'development' | 'production') {
  const config = parseConfiguration(breakGlassSchema, input);
  return {
    holderRole: config.holderRole ?? 'break-glass',
    reviewRoles: config.reviewRoles ?? ['compliance', 'risk', 'security'],
    secondMs: (config.secondMinutes ?? 15) * 60_000,
    reviewMs: (config.reviewHours ?? 24) * 3_600_000,
    acrValues: config.acrValues ?? (environment === 'production' ? [hardwareAcr] : [phishingResistantAcr, hardwareAcr]),
  };
}
