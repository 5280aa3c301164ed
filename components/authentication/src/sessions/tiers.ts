import { developmentAcr, hardwareAcr, phishingResistantAcr } from '@countersign/contracts';
import { CodedError } from '@countersign/kernel';
import type { Tier } from '@countersign/market';
import { type Static, Type } from 'typebox';

const limitSchema = Type.Object(
  {
    /** A sign-in must have one of these classes. */
    acrValues: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { minItems: 1, maxItems: 16 })),
    idleSeconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 86_400 })),
    /** Time limit from the sign-in. */
    absoluteSeconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 86_400 })),
    /** Requires a healthy managed device. */
    device: Type.Optional(Type.Literal('required')),
  },
  { additionalProperties: false },
);

export const tiersSchema = Type.Object(
  {
    'market-data': Type.Optional(limitSchema),
    research: Type.Optional(limitSchema),
    'order-entry': Type.Optional(limitSchema),
    approval: Type.Optional(limitSchema),
    administration: Type.Optional(limitSchema),
  },
  { additionalProperties: false },
);

export interface TierRule {
  /** Undefined: any class. */
  readonly acrValues: readonly string[] | undefined;
  readonly idleMs: number;
  readonly absoluteMs: number;
  readonly deviceRequired: boolean;
}
export type TierRules = Readonly<Record<Tier, TierRule>>;

const minute = 60;
const hour = 60 * minute;
const defaults: Readonly<Record<Tier, { idle: number; absolute: number; acrValues?: readonly string[] }>> = {
  // Any class that the trust profile accepts.
  'market-data': { idle: 30 * minute, absolute: 12 * hour },
  research: { idle: 30 * minute, absolute: 12 * hour },
  'order-entry': { idle: 15 * minute, absolute: 2 * hour, acrValues: [phishingResistantAcr, hardwareAcr] },
  approval: { idle: 10 * minute, absolute: 30 * minute, acrValues: [hardwareAcr] },
  administration: { idle: 10 * minute, absolute: 30 * minute, acrValues: [hardwareAcr] },
};
/** Default in development, except for the reading tiers. */
const developmentClasses = [phishingResistantAcr, hardwareAcr, developmentAcr];

/** @throws CodedError `configuration_unsafe` for the development class outside development */
export function tierRulesOf(
  given: Static<typeof tiersSchema> | undefined,
  environment: 'development' | 'production',
): TierRules {
  const ruleOf = (tier: Tier): TierRule => {
    const { acrValues, idleSeconds, absoluteSeconds, device } = given?.[tier] ?? {};
    const { idle, absolute, acrValues: usual } = defaults[tier];
    if (environment !== 'development' && acrValues?.includes(developmentAcr) === true)
      throw new CodedError({
        code: 'configuration_unsafe',
        category: 'invalid',
        detail: `${developmentAcr} proves nothing: the tier ${tier} accepts it only where environment is development.`,
      });
    return {
      acrValues: acrValues ?? (usual !== undefined && environment === 'development' ? developmentClasses : usual),
      idleMs: (idleSeconds ?? idle) * 1000,
      absoluteMs: (absoluteSeconds ?? absolute) * 1000,
      deviceRequired: device === 'required',
    };
  };
  return {
    'market-data': ruleOf('market-data'),
    research: ruleOf('research'),
    'order-entry': ruleOf('order-entry'),
    approval: ruleOf('approval'),
    administration: ruleOf('administration'),
  };
}

/** A browser has one session for reading and one for each other tier, each with its own cookie. */
export type SessionKind = 'reading' | Exclude<Tier, 'market-data' | 'research'>;
export const sessionKinds: readonly SessionKind[] = ['reading', 'order-entry', 'approval', 'administration'];

export function kindOf(tier: Tier): SessionKind {
  return tier === 'market-data' || tier === 'research' ? 'reading' : tier;
}

/** Without the `__Host-` prefix. */
export function sessionCookieNameOf(kind: SessionKind): string {
  return kind === 'reading' ? 'session' : `session-${kind}`;
}

export function suffices({ acrValues }: TierRule, acr: string): boolean {
  return acrValues === undefined || acrValues.includes(acr);
}

/** A sign-in for reading gets the highest reading tier that its class permits. */
export function tierReached(asked: Tier, acr: string, rules: TierRules): Tier {
  return kindOf(asked) === 'reading' && suffices(rules.research, acr) ? 'research' : asked;
}
