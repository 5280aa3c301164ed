import type { Claim } from '@countersign/contracts';
import { type ChangeId, digestOf } from '@countersign/kernel';
import type { StoredRequest } from './change-requests/store.ts';
import type { NewDeparture } from './departures/store.ts';

// Everything in other rows than those of the graph that decides, as records say it and as rows are held against them (docs/adr/0043).

export const requestThing = (id: ChangeId): string => `directory-change:${id}`;

/** The digest covers what was proposed; the basis, what it would have changed then. */
export function requestClaim(request: Omit<StoredRequest, 'status' | 'decidedBy' | 'proposal'>): Claim {
  return {
    of: requestThing(request.id),
    content: {
      proposed_by: request.proposedBy,
      through: [...request.through],
      scope: request.scope,
      proposed_at: request.proposedAt.getTime(),
      expires_at: request.expiresAt.getTime(),
      reason: request.reason,
      changes: digestOf(request.changes.map((change) => ({ ...change }))),
      basis: request.basis,
      digest: request.digest,
      record: request.recordId,
    },
  };
}

/** What ends by a departure is recorded as done by whoever made it. */
export function departureClaim(departure: NewDeparture): Claim {
  const { id, kind, principal, institution, at, by, reason, recordId, completionRecord } = departure;
  return {
    of: `departure:${id}`,
    content: {
      ...{ kind, principal, institution: institution ?? null, at: at.getTime(), reason },
      by: { id: by.id, institution: by.institution ?? null },
      records: [recordId, completionRecord],
    },
  };
}
