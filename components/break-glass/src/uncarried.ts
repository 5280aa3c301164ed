import { type AuditLog, type StandingReader, standingErrors } from '@countersign/contracts';
import { type Json, toInstant } from '@countersign/kernel';
import type { IncidentState, StoredIncident } from './incident-state.ts';

// Incidents whose records lack the carried state: no access can be collected; they lapse, or are ended and reviewed.

export function declaredContent(state: IncidentState, { endRecord }: NonNullable<IncidentState['uncarried']>): Json {
  const { holder, institution, reason, reference, resource, jkt, acr } = state;
  return {
    ...{ holder, institution, reason, reference, resource, jkt, acr },
    scopes: [...state.scopes],
    signed_at: state.signedAt,
    second_before: state.secondBefore,
    records: [state.recordId, endRecord],
  };
}

/** Requires a record of the stored second holder's agreement. @throws CodedError `authority_unproven`, `log_unavailable` */
export async function requireGrantRecorded(
  log: StandingReader & Pick<AuditLog, 'find'>,
  { id, status, uncarried, second, grantedRecord, reviewDueAt }: StoredIncident,
): Promise<void> {
  // A settled incident gives no access.
  if (uncarried === undefined || status === 'reviewed' || status === 'lapsed') return;
  const thing = `incident-grant:${id}`;
  const newest = (await log.standings([thing])).get(thing);
  if (status === 'declared' && newest === undefined) return;
  const grant = grantedRecord === undefined ? undefined : (await log.find(grantedRecord))?.record;
  // A record that this component wrote.
  const said = (grant?.data ?? {}) as { readonly incident?: string; readonly review_due_at?: string };
  const holds =
    status !== 'declared' &&
    grant?.type === 'incident.granted' &&
    grant.actors?.[0]?.id === second &&
    said.incident === id &&
    reviewDueAt !== undefined &&
    said.review_due_at === toInstant(reviewDueAt);
  if (!holds)
    throw standingErrors.error(
      'authority_unproven',
      `The stored status of incident ${id} (${status}) differs from the audit log. No access is given.`,
    );
}
