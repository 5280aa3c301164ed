import type { RecordContent } from '@countersign/commands';
import {
  type Actor,
  type AuditLog,
  ended,
  type PrincipalId,
  type RecordDraft,
  type SignedStatement,
  type StandingReader,
  standing,
} from '@countersign/contracts';
import {
  type Clock,
  digestOf,
  type IncidentId,
  membersOf,
  newId,
  parseId,
  type Random,
  type RecordId,
  toInstant,
} from '@countersign/kernel';
import type { IncidentState } from './incident-state.ts';
import { holdersOf, type Verdict } from './rules.ts';
import { signedJson } from './statement.ts';

/** A holder cannot have another incident until this one is reviewed, even if its row is gone. */
export const unreviewedThing = (person: string): string => `unreviewed-emergency:${person}`;
export const unreviewedContent = (id: IncidentId) => ({ incident: id });

/** Whether the log has an unreviewed incident of the person, other than `but`. */
export async function isRecordedUnreviewed(log: StandingReader, person: string, but?: IncidentId): Promise<boolean> {
  const thing = unreviewedThing(person);
  const digest = (await log.standings([thing])).get(thing)?.digest;
  return digest !== undefined && (but === undefined || digest !== digestOf(unreviewedContent(but)));
}

/** That incident; undefined if there is none, or its record is no longer kept. */
export async function recordedUnreviewed(
  log: StandingReader & Pick<AuditLog, 'find'>,
  person: string,
): Promise<IncidentId | undefined> {
  const thing = unreviewedThing(person);
  const newest = (await log.standings([thing])).get(thing);
  if (newest?.digest === undefined) return undefined;
  const { incident } = membersOf((await log.find(newest.record))?.record.data) ?? {};
  return parseId('incident', incident);
}

export interface Grant {
  readonly second: PrincipalId;
  readonly endsAt: number;
  readonly reviewDueAt: number;
}

const reviewed = (incident: IncidentState) => holdersOf(incident).map((person) => ended(unreviewedThing(person)));

/** The first holder, for records. */
type Holder = Pick<IncidentState, 'holder' | 'institution'>;
export const holderOf = ({ holder: id, institution }: Holder): Actor => ({ id, institution });

const authenticationOf = ({ claims, authenticator }: SignedStatement) =>
  ({ method: 'webauthn', acr: authenticator.acr, authTime: claims.iat }) as const;

/** Records that authorise the access. */
export function groundsOf({ recordId, grantedRecord }: IncidentState): readonly RecordId[] {
  return grantedRecord === undefined ? [recordId] : [recordId, grantedRecord];
}

const basis = (incident: IncidentState) =>
  ({ outcome: 'done', subject: holderOf(incident), references: groundsOf(incident) }) as const;

export function incidentDeclared(incident: IncidentState, statement: SignedStatement): RecordContent {
  return {
    type: 'incident.declared',
    outcome: 'done',
    subject: holderOf(incident),
    references: [statement.authenticator.recordId],
    authentication: authenticationOf(statement),
    audience: [incident.resource],
    scope: incident.scopes,
    standing: [standing(unreviewedThing(incident.holder), unreviewedContent(incident.id))],
    data: {
      incident: incident.id,
      reason: incident.reason,
      reference: incident.reference,
      jkt: incident.jkt,
      second_before: toInstant(incident.secondBefore),
      ...signedJson(statement),
    },
  };
}

export function incidentGranted(incident: IncidentState, grant: Grant, statement: SignedStatement): RecordContent {
  const { second, endsAt, reviewDueAt } = grant;
  return {
    type: 'incident.granted',
    outcome: 'permit',
    subject: holderOf(incident),
    actors: [{ id: second, institution: incident.institution }],
    references: [incident.recordId, statement.authenticator.recordId],
    authentication: authenticationOf(statement),
    audience: [incident.resource],
    scope: incident.scopes,
    standing: [standing(unreviewedThing(second), unreviewedContent(incident.id))],
    data: {
      incident: incident.id,
      ends_at: toInstant(endsAt),
      review_due_at: toInstant(reviewDueAt),
      ...signedJson(statement),
    },
  };
}

export function incidentEnded(incident: IncidentState, by: Actor): RecordContent {
  return {
    type: 'incident.ended',
    ...basis(incident),
    actors: [by],
    data: { incident: incident.id },
  };
}

/** @param incident before its review */
export function incidentReviewed(
  incident: IncidentState,
  review: { readonly statement: SignedStatement; readonly verdict: Verdict; readonly note: string },
): RecordContent {
  const { statement, verdict, note } = review;
  return {
    type: 'incident.reviewed',
    outcome: 'done',
    subject: holderOf(incident),
    actors: [{ id: statement.authenticator.person, institution: incident.institution }],
    references: [...groundsOf(incident), statement.authenticator.recordId],
    authentication: authenticationOf(statement),
    standing: reviewed(incident),
    data: { incident: incident.id, verdict, note, late: incident.status === 'overdue', ...signedJson(statement) },
  };
}

export function incidentLapsed(incident: IncidentState): RecordContent {
  return {
    type: 'incident.lapsed',
    ...basis(incident),
    standing: reviewed(incident),
    data: { incident: incident.id },
  };
}

export function incidentOverdue(incident: IncidentState): RecordContent {
  return {
    type: 'incident.overdue',
    ...basis(incident),
    data: { incident: incident.id, locked: [...holdersOf(incident)] },
  };
}

export type Step = 'declare' | 'second' | 'collect' | 'end' | 'review';

export function incidentRefused(
  from: { readonly clock: Clock; readonly random: Random },
  refusal: {
    readonly step: Step;
    readonly reason: string;
    readonly by: Actor;
    readonly incident?: IncidentState | undefined;
  },
): RecordDraft {
  const { step, reason, by, incident } = refusal;
  return {
    id: newId('record', from),
    type: 'incident.refused',
    source: 'break-glass',
    outcome: 'deny',
    reason,
    subject: by,
    ...(incident === undefined ? {} : { references: groundsOf(incident) }),
    data: { ...(incident === undefined ? {} : { incident: incident.id }), step },
  };
}
