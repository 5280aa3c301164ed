import type { Obligation } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';

/** The types of obligations that we send. `custom` is an approval with the `vendor` `countersign`. */
export const supportedObligations = ['step-up', 'custom'] as const;

/**
 * Obligations in the form of the AuthZEN profile for obligations (draft 1): `step-up` with `acr_value` and `max_age` in seconds, and an
 * approval as `custom`, because the profile has no type for it.
 *
 * @param supported by the enforcement point (`context.supported_obligations` of its request). Others are left out: the enforcement
 *   point would have to treat them as a deny, which the answer is already.
 */
export function obligationsOf(obligations: readonly Obligation[], supported?: ReadonlySet<string>): readonly Json[] {
  return obligations
    .map((obligation, index) => ({ id: `obl-${index + 1}`, ...typeAndProperties(obligation) }))
    .filter(({ type }) => supported === undefined || supported.has(type));
}

function typeAndProperties(obligation: Obligation): { readonly type: string; readonly properties: Json } {
  switch (obligation.kind) {
    case 'step-up': {
      const { acr, maxAgeSeconds } = obligation;
      return {
        type: 'step-up',
        properties: { acr_value: acr, ...(maxAgeSeconds === undefined ? {} : { max_age: maxAgeSeconds }) },
      };
    }
    case 'approval': {
      const { role, count, escalation } = obligation;
      return {
        type: 'custom',
        properties: {
          vendor: 'countersign',
          action: 'approval',
          role,
          count,
          escalation: escalation.map(({ role, afterSeconds }) => ({ role, after_seconds: afterSeconds })),
        },
      };
    }
    default:
      return obligation satisfies never;
  }
}

/**
 * Section 6 of the profile: the supported obligations in a request, as far as we send them.
 *
 * @returns undefined if the request does not say
 */
export function readSupportedObligations(context: Readonly<Record<string, Json>> | undefined) {
  const declared = context?.['supported_obligations'];
  if (!Array.isArray(declared)) return undefined;
  return new Set<string>(supportedObligations.filter((type) => declared.includes(type)));
}
