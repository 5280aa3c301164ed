import { developmentAcr, hardwareAcr, phishingResistantAcr } from '@countersign/contracts';
import { CodedError } from '@countersign/kernel';
import { type Tier, tiers } from '@countersign/market';
import { type Static, Type } from 'typebox';

const limitSchema = Type.Object(
  {
    /** Authentication context classes of which a sign-in must have one. */
    acrValues: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { minItems: 1, maxItems: 16 })),
    /** A session ends when nothing was asked of it for so long. */
    idleSeconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 86_400 })),
    /** A session ends so long after the sign-in, whatever was asked of it. */
    absoluteSeconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 86_400 })),
    /** Whether it begins on a managed device only, one that is well. */
    device: Type.Optional(Type.Literal('required')),
  },
  { additionalProperties: false },
);

/** For each tier what differs from its default. */
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

/** The strength and the life of the sessions of one tier. */
export interface TierRule {
  /** Undefined for every class. */
  readonly acrValues: readonly string[] | undefined;
  readonly idleMs: number;
  readonly absoluteMs: number;
  readonly deviceRequired: boolean;
}
export type TierRules = Readonly<Record<Tier, TierRule>>;

const minute = 60;
const hour = 60 * minute;
const defaults: Readonly<Record<Tier, { idle: number; absolute: number; acrValues?: readonly string[] }>> = {
  // Any class: a partner's that the trust profile accepts as well.
  'market-data': { idle: 30 * minute, absolute: 12 * hour },
  research: { idle: 30 * minute, absolute: 12 * hour },
  'order-entry': { idle: 15 * minute, absolute: 2 * hour, acrValues: [phishingResistantAcr, hardwareAcr] },
  approval: { idle: 10 * minute, absolute: 30 * minute, acrValues: [hardwareAcr] },
  administration: { idle: 10 * minute, absolute: 30 * minute, acrValues: [hardwareAcr] },
};
/** Of every tier but those for reading, where nothing is configured and the installation is for development. */
const developmentClasses = [phishingResistantAcr, hardwareAcr, developmentAcr];

/** @throws CodedError `configuration_unsafe` where the class that proves nothing would count outside development */
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

/** Which of a browser's sessions: those for reading are one, and each of the others has its own cookie. */
export type SessionKind = 'reading' | Exclude<Tier, 'market-data' | 'research'>;
export const sessionKinds: readonly SessionKind[] = ['reading', 'order-entry', 'approval', 'administration'];

export function kindOf(tier: Tier): SessionKind {
  return tier === 'market-data' || tier === 'research' ? 'reading' : tier;
}

/** The name of its cookie, without what says where it came from. */
export function sessionCookieNameOf(kind: SessionKind): string {
  return kind === 'reading' ? 'session' : `session-${kind}`;
}

/** Whether a sign-in of this class is good enough. */
export function suffices({ acrValues }: TierRule, acr: string): boolean {
  return acrValues === undefined || acrValues.includes(acr);
}

/** What a sign-in that was for `asked` is good for: one for reading, for everything that its class is enough for. */
export function tierReached(asked: Tier, acr: string, rules: TierRules): Tier {
  return kindOf(asked) === 'reading' && suffices(rules.research, acr) ? 'research' : asked;
}

export function isTier(text: string): text is Tier {
  return tiers.some((tier) => tier === text);
}
