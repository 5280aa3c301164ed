import {
  type Actor,
  type Claim,
  ended,
  type RecordDraft,
  recordIdAfter,
  type SignedStatement,
  standing,
} from '@countersign/contracts';
import { type Clock, newId, type Random, type RecordId, toInstant } from '@countersign/kernel';
import { grantClaim, grantThing, incidentClaim, unreviewedContent, unreviewedThing } from './row-claims.ts';
import { signedJson } from './statement.ts';
import type { StoredIncident } from './store.ts';

const source = 'break-glass';
const says = ({ of, content }: Claim) => standing(of, content);
const holdersOf = ({ holder, second }: StoredIncident) => (second === undefined ? [holder] : [holder, second]);
const reviewed = (stored: StoredIncident) => holdersOf(stored).map((person) => ended(unreviewedThing(person)));

type From = { readonly clock: Clock; readonly random: Random };

/** As records name the first holder. */
export const holderOf = ({ holder, institution }: Pick<StoredIncident, 'holder' | 'institution'>): Actor => ({
  id: holder,
  institution,
});

function authenticationOf({ claims, authenticator }: SignedStatement): NonNullable<RecordDraft['authentication']> {
  return { method: 'webauthn', acr: authenticator.acr, authTime: claims.iat };
}

/** Records that what was done rests on. */
export function groundsOf({ recordId, grantedRecord }: StoredIncident): readonly RecordId[] {
  return grantedRecord === undefined ? [recordId] : [recordId, grantedRecord];
}

export function incidentDeclared(stored: StoredIncident, statement: SignedStatement): RecordDraft {
  return {
    id: stored.recordId,
    type: 'incident.declared',
    source,
    outcome: 'done',
    subject: holderOf(stored),
    references: [statement.authenticator.recordId],
    authentication: authenticationOf(statement),
    audience: [stored.resource],
    scope: stored.scopes,
    standing: [says(incidentClaim(stored)), standing(unreviewedThing(stored.holder), unreviewedContent(stored.id))],
    data: {
      incident: stored.id,
      reason: stored.reason,
      reference: stored.reference,
      jkt: stored.jkt,
      second_before: toInstant(stored.secondBefore),
      ...signedJson(statement),
    },
  };
}

export function incidentGranted(
  id: RecordId,
  stored: StoredIncident,
  grant: { readonly statement: SignedStatement; readonly endsAt: number; readonly reviewDueAt: number },
): RecordDraft {
  const { statement } = grant;
  const second = statement.authenticator.person;
  return {
    id,
    type: 'incident.granted',
    source,
    outcome: 'permit',
    subject: holderOf(stored),
    actors: [{ id: statement.authenticator.person, institution: stored.institution }],
    references: [stored.recordId, statement.authenticator.recordId],
    authentication: authenticationOf(statement),
    audience: [stored.resource],
    scope: stored.scopes,
    standing: [
      says(grantClaim(stored.id, { ...grant, second, recordId: id })),
      standing(unreviewedThing(second), unreviewedContent(stored.id)),
    ],
    data: {
      incident: stored.id,
      ends_at: toInstant(grant.endsAt),
      review_due_at: toInstant(grant.reviewDueAt),
      ...signedJson(statement),
    },
  };
}

export function incidentRefused(
  from: From,
  refusal: {
    readonly step: 'declare' | 'second' | 'collect' | 'end' | 'review';
    readonly reason: string;
    readonly by: Actor;
    readonly incident?: StoredIncident;
  },
): RecordDraft {
  const { step, reason, by, incident } = refusal;
  return {
    id: newId('record', from),
    type: 'incident.refused',
    source,
    outcome: 'deny',
    reason,
    subject: by,
    ...(incident === undefined ? {} : { references: groundsOf(incident) }),
    data: { ...(incident === undefined ? {} : { incident: incident.id }), step },
  };
}

export function incidentEnded(stored: StoredIncident, by: Actor): RecordDraft {
  return {
    // It ends once: whoever repeats that after a process has died finds what it recorded.
    id: recordIdAfter(grantThing(stored.id), stored.recordId),
    type: 'incident.ended',
    source,
    outcome: 'done',
    subject: holderOf(stored),
    actors: [by],
    references: groundsOf(stored),
    standing: [ended(grantThing(stored.id))],
    data: { incident: stored.id },
  };
}

export function incidentReviewed(
  from: From,
  stored: StoredIncident,
  review: {
    readonly statement: SignedStatement;
    readonly verdict: 'justified' | 'not-justified';
    readonly note: string;
  },
): RecordDraft {
  const { statement, verdict, note } = review;
  return {
    id: newId('record', from),
    type: 'incident.reviewed',
    source,
    outcome: 'done',
    subject: holderOf(stored),
    actors: [{ id: statement.authenticator.person, institution: stored.institution }],
    references: [...groundsOf(stored), statement.authenticator.recordId],
    authentication: authenticationOf(statement),
    standing: [...reviewed(stored), ended(grantThing(stored.id))],
    data: { incident: stored.id, verdict, note, late: stored.status === 'overdue', ...signedJson(statement) },
  };
}

/** Nobody came in time, to second it or to review it. */
export function incidentOver(stored: StoredIncident, locked: readonly string[] | undefined): RecordDraft {
  const base = { id: stored.endRecord, source, outcome: 'done', subject: holderOf(stored) } as const;
  const references = groundsOf(stored);
  return locked === undefined
    ? {
        ...base,
        type: 'incident.lapsed',
        references,
        standing: reviewed(stored),
        data: { incident: stored.id },
      }
    : { ...base, type: 'incident.overdue', references, data: { incident: stored.id, locked } };
}
