import { type AuditLog, type StandingReader, standingErrors } from '@countersign/contracts';
import { type Json, toInstant } from '@countersign/kernel';
import type { IncidentState, StoredIncident } from './incident-state.ts';

// Incidents whose records are from before they carried the state: what was declared is in one, and the agreement of the second holder in
// another. No access is collected for them any more; they lapse, or are ended and reviewed, and then their records carry the state.

/** What the record of the declaration says. */
export function declaredContent(state: IncidentState, { endRecord }: NonNullable<IncidentState['uncarried']>): Json {
  return {
    holder: state.holder,
    institution: state.institution,
    reason: state.reason,
    reference: state.reference,
    resource: state.resource,
    scopes: [...state.scopes],
    jkt: state.jkt,
    acr: state.acr,
    signed_at: state.signedAt,
    second_before: state.secondBefore,
    records: [state.recordId, endRecord],
  };
}

/**
 * Of an incident whose records do not carry the state: that the second holder it is stored with agreed, or that none did.
 *
 * @throws CodedError `authority_unproven`, `log_unavailable`
 */
export async function requireGrantRecorded(
  log: StandingReader & Pick<AuditLog, 'find'>,
  { id, status, uncarried, second, grantedRecord, reviewDueAt }: StoredIncident,
): Promise<void> {
  // What is settled gives nothing to anybody.
  if (uncarried === undefined || status === 'reviewed' || status === 'lapsed') return;
  const thing = `incident-grant:${id}`;
  const newest = (await log.standings([thing])).get(thing);
  if (status === 'declared' && newest === undefined) return;
  const grant = grantedRecord === undefined ? undefined : (await log.find(grantedRecord))?.record;
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
      `The emergency ${id} is stored as ${status}, and the log says something else. Nothing is released.`,
    );
}
