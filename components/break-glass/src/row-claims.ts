import { type Claim, type StandingCheck, type StandingReader, standingErrors } from '@countersign/contracts';
import { digestOf, type IncidentId, type RecordId } from '@countersign/kernel';
import type { StoredIncident } from './store.ts';

// Everything in a row that decides, as records say it and as rows are held against them (docs/adr/0043).

export const grantThing = (id: IncidentId): string => `incident-grant:${id}`;
/** A holder has an emergency that nobody has reviewed: until then no other one, even if its row is gone. */
export const unreviewedThing = (person: string): string => `unreviewed-emergency:${person}`;

export function incidentClaim(stored: StoredIncident): Claim {
  return {
    of: `incident:${stored.id}`,
    content: {
      holder: stored.holder,
      institution: stored.institution,
      reason: stored.reason,
      reference: stored.reference,
      resource: stored.resource,
      scopes: [...stored.scopes],
      jkt: stored.jkt,
      acr: stored.acr,
      signed_at: stored.signedAt,
      second_before: stored.secondBefore,
      records: [stored.recordId, stored.endRecord],
    },
  };
}

export function grantClaim(
  id: IncidentId,
  grant: {
    readonly second: string;
    readonly recordId: RecordId;
    readonly endsAt: number;
    readonly reviewDueAt: number;
  },
): Claim {
  const { second, recordId, endsAt, reviewDueAt } = grant;
  return { of: grantThing(id), content: { second, record: recordId, ends_at: endsAt, review_due_at: reviewDueAt } };
}

export const unreviewedContent = (id: IncidentId) => ({ incident: id });

/** Whether a record says that the person has an emergency, other than `but`, that nobody has reviewed. */
export async function isUnreviewed(log: StandingReader, person: string, but?: IncidentId): Promise<boolean> {
  const thing = unreviewedThing(person);
  const digest = (await log.standings([thing])).get(thing)?.digest;
  return digest !== undefined && (but === undefined || digest !== digestOf(unreviewedContent(but)));
}

/**
 * The incident, if the log says of it what its row says. A second holder counts only with the record of their grant.
 *
 * @param access whether the access must still stand: it has not been ended by its holders
 * @throws CodedError `authority_unproven`, `log_unavailable`
 */
export async function requireProven(
  standings: StandingCheck,
  stored: StoredIncident,
  access: 'with-access' | 'also-ended',
): Promise<StoredIncident> {
  // What is settled gives nothing to anybody.
  if (stored.status === 'reviewed' || stored.status === 'lapsed') return stored;
  await standings.require(incidentClaim(stored));
  const { id, second, grantedRecord: recordId, endsAt, reviewDueAt } = stored;
  const granted = second !== undefined && recordId !== undefined && endsAt !== undefined && reviewDueAt !== undefined;
  if (access === 'with-access') {
    if (granted) await standings.require(grantClaim(id, { second, recordId, endsAt, reviewDueAt }));
    else if (stored.status !== 'declared')
      throw standingErrors.error(
        'authority_unproven',
        `The emergency ${id} is stored as ${stored.status} without a second holder. Nothing is released.`,
      );
  }
  return stored;
}
