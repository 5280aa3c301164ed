import type { Obligation } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';

/** The types of obligation that are ever sent. `custom` is an approval: its `vendor` is `countersign`. */
export const supportedObligations = ['step-up', 'custom'] as const;

/**
 * Obligations as the AuthZEN profile for obligations writes them (draft 1): `step-up` as it defines it, with `max_age` in
 * seconds beside `acr_value`; an approval as `custom`, because the profile has no type for it.
 *
 * @param supported what the enforcement point says it can do (`context.supported_obligations` of its request). What it
 *   cannot do is left out: it would have to treat it as a deny, which the answer is already.
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
 * Section 6 of the profile: what a request says of the enforcement point's abilities, those types left out that are
 * never sent.
 *
 * @returns undefined when it says nothing
 */
export function readSupportedObligations(context: Readonly<Record<string, Json>> | undefined) {
  const declared = context?.['supported_obligations'];
  if (!Array.isArray(declared)) return undefined;
  return new Set<string>(supportedObligations.filter((type) => declared.includes(type)));
}
