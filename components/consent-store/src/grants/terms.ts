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

/** Application details have no ids, so equal content means the same detail. */
function withoutRepetition(details: readonly ApplicationDetail[]): readonly ApplicationDetail[] {
  return [...new Map(details.map((detail) => [digestOf(detail), detail])).values()];
}

/** The union of both terms. Of two details with the same intent (type and idempotency key) the newer one counts. */
function mergedTerms(earlier: GrantTerms, newer: GrantTerms): GrantTerms {
  const named = new Set(newer.details.map(intentName));
  return termsOf({
    scopes: [...earlier.scopes, ...newer.scopes],
    details: [...earlier.details.filter((detail) => !named.has(intentName(detail))), ...newer.details],
    resources: [...earlier.resources, ...newer.resources],
  });
}

/** The proposal merged with the earlier grant. It ends at the earlier of both times, because the earlier terms are not shown again. */
export function mergedProposal(earlier: Grant, proposal: GrantProposal): GrantProposal {
  const endsFirst = Date.parse(earlier.expiresAt) < Date.parse(proposal.expiresAt) ? earlier : proposal;
  return { ...proposal, ...mergedTerms(earlier, proposal), expiresAt: endsFirst.expiresAt };
}

function intentName({ type, idempotency_key }: AuthorizationDetail): string {
  return `${type} ${idempotency_key}`;
}
