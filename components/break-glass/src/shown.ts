import type { Declaration, Incident } from '@countersign/contracts';
import { type Digest, defined, digestOf, toInstant } from '@countersign/kernel';
import type { StoredIncident } from './incident-state.ts';

/** The digest of the whole declaration, which both holders sign. */
export function declarationDigest({ reason, reference, resource, scopes, jkt }: Declaration): Digest {
  return digestOf({ reason, reference, resource, scopes: [...scopes].sort(), jkt });
}

export function shown(stored: StoredIncident): Incident {
  const { id, status, holder, institution, reason, reference, resource, scopes, jkt, recordId, second, review } =
    stored;
  const instant = (at: number | undefined) => (at === undefined ? undefined : toInstant(at));
  const [grantedAt, endsAt, reviewDueAt] = [stored.grantedAt, stored.endsAt, stored.reviewDueAt].map(instant);
  return {
    ...{ id, status, holder, institution, reason, reference, resource, scopes, jkt, recordId },
    declaredAt: toInstant(stored.declaredAt),
    secondBefore: toInstant(stored.secondBefore),
    ...defined({ second, grantedAt, endsAt }),
    collected: stored.token !== undefined,
    ...defined({ reviewDueAt, review }),
  };
}
