import type { Grant, GrantProposal, GrantTerms } from '@countersign/contracts';
import { digestOf } from '@countersign/kernel';
import type { ApplicationDetail, AuthorizationDetail } from '@countersign/market';

export function termsOf({ scopes, details, applicationDetails = [], resources }: GrantTerms): GrantTerms {
  return {
    scopes: [...new Set(scopes)],
    details: [...details],
    ...(applicationDetails.length === 0 ? {} : { applicationDetails: withoutRepetition(applicationDetails) }),
    resources: [...new Set(resources)],
  };
}

/** They have no names: what says the same is the same. */
function withoutRepetition(details: readonly ApplicationDetail[]): readonly ApplicationDetail[] {
  return [...new Map(details.map((detail) => [digestOf(detail), detail])).values()];
}

/**
 * Everything that either allows. Of two details that name one intent (type and idempotency key, as everywhere) the
 * newer one counts: it is what the person saw last, and a list that names an intent twice could not be narrowed.
 */
function mergedTerms(earlier: GrantTerms, newer: GrantTerms): GrantTerms {
  const named = new Set(newer.details.map(intentName));
  return termsOf({
    scopes: [...earlier.scopes, ...newer.scopes],
    details: [...earlier.details.filter((detail) => !named.has(intentName(detail))), ...newer.details],
    resources: [...earlier.resources, ...newer.resources],
  });
}

/**
 * The proposal with everything that was allowed before it. It ends at the earlier of both times: what the person was
 * shown until then is not shown again, so it may not last longer.
 */
export function mergedProposal(earlier: Grant, proposal: GrantProposal): GrantProposal {
  const endsFirst = Date.parse(earlier.expiresAt) < Date.parse(proposal.expiresAt) ? earlier : proposal;
  return { ...proposal, ...mergedTerms(earlier, proposal), expiresAt: endsFirst.expiresAt };
}

function intentName({ type, idempotency_key }: AuthorizationDetail): string {
  return `${type} ${idempotency_key}`;
}
