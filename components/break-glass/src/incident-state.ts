import {
  emergencyScopes,
  type Incident,
  incidentStatuses,
  type PrincipalId,
  parsePrincipalId,
  parseResourceUri,
} from '@countersign/contracts';
import { parseDigest, parseId, type RecordId, type TokenId, toInstant } from '@countersign/kernel';
import { type Static, type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';

// The state of an incident that records carry and rows are compared with (docs/adr/0057).

/** Times are milliseconds since the epoch. */
export interface IncidentState
  extends Pick<
    Incident,
    'id' | 'status' | 'holder' | 'institution' | 'reason' | 'reference' | 'resource' | 'scopes' | 'jkt' | 'recordId'
  > {
  readonly declaredAt: number;
  readonly secondBefore: number;
  /** How the first holder signed; the token states it. */
  readonly acr: string;
  readonly signedAt: number;
  readonly second: PrincipalId | undefined;
  readonly grantedAt: number | undefined;
  readonly grantedRecord: RecordId | undefined;
  readonly endsAt: number | undefined;
  /** The holder who ended the access early. */
  readonly endedBy: PrincipalId | undefined;
  readonly reviewDueAt: number | undefined;
  readonly review: Incident['review'] | undefined;
  /** Only if its records are older than the carried state; they hold what was declared, and `endRecord`. */
  readonly uncarried?: { readonly endRecord: RecordId };
}

/** The row also has columns that no check depends on. */
export interface StoredIncident extends IncidentState {
  readonly change: RecordId;
  /** The newest; each collection revokes the previous one. */
  readonly token: TokenId | undefined;
  readonly collections: number;
  readonly reminded: boolean;
}

const text = Type.String();
const orNone = Type.Union([text, Type.Null()]);
const required = [
  ...(['id', 'status', 'holder', 'institution', 'reason', 'reference', 'resource', 'jkt', 'declared_at'] as const),
  ...(['second_before', 'record_id', 'acr', 'signed_at'] as const),
];
const nullable = [
  ...(['second', 'granted_at', 'granted_record', 'ends_at', 'ended_by', 'review_due_at'] as const),
  ...(['reviewed_by', 'reviewed_at', 'verdict', 'note'] as const),
];
/** Members have the names of the columns. Times are RFC 3339. */
const carriedSchema = Type.Object({
  scopes: Type.Array(text),
  ...each(required, text),
  ...each(nullable, orNone),
});

function each<Name extends string, Schema extends TSchema>(names: readonly Name[], schema: Schema) {
  // `fromEntries` forgets which names it was given.
  return Object.fromEntries(names.map((name) => [name, schema])) as { readonly [name in Name]: Schema };
}
const carried = Compile(carriedSchema);
export type Carried = Readonly<Static<typeof carriedSchema>>;
export const carriedMembers = ['scopes', ...required, ...nullable] as const;

/** For records and rows. */
export function carriedOf(state: IncidentState): Carried {
  const moment = (at: number | undefined) => (at === undefined ? null : toInstant(at));
  const { id, status, holder, institution, reason, reference, resource, jkt, acr } = state;
  return {
    ...{ id, status, holder, institution, reason, reference, resource, jkt, acr },
    scopes: [...state.scopes],
    declared_at: toInstant(state.declaredAt),
    second_before: toInstant(state.secondBefore),
    record_id: state.recordId,
    signed_at: toInstant(state.signedAt),
    second: state.second ?? null,
    granted_at: moment(state.grantedAt),
    granted_record: state.grantedRecord ?? null,
    ends_at: moment(state.endsAt),
    ended_by: state.endedBy ?? null,
    review_due_at: moment(state.reviewDueAt),
    reviewed_by: state.review?.by ?? null,
    reviewed_at: state.review?.at ?? null,
    verdict: state.review?.verdict ?? null,
    note: state.review?.note ?? null,
  };
}

/** @throws Error for a state that was not written here */
export function stateOf(content: unknown): IncidentState {
  if (!carried.Check(content)) throw new Error('an incident has an invalid state');
  const id = parseId('incident', content.id);
  const status = incidentStatuses.find((known) => known === content.status);
  const holder = parsePrincipalId(content.holder);
  const resource = parseResourceUri(content.resource);
  const jkt = parseDigest(content.jkt);
  const recordId = parseId('record', content.record_id);
  if (!id || !status || !holder || !resource || !jkt || !recordId)
    throw new Error(`an incident has an invalid state: ${content.id}`);
  const moment = (instant: string | null) => (instant === null ? undefined : Date.parse(instant));
  const by = parsePrincipalId(content.reviewed_by);
  const { verdict, institution, reason, reference, acr } = content;
  return {
    ...{ id, status, holder, resource, jkt, recordId, institution, reason, reference, acr },
    scopes: emergencyScopes.filter((scope) => content.scopes.includes(scope)),
    declaredAt: Date.parse(content.declared_at),
    secondBefore: Date.parse(content.second_before),
    signedAt: Date.parse(content.signed_at),
    second: parsePrincipalId(content.second),
    grantedAt: moment(content.granted_at),
    grantedRecord: parseId('record', content.granted_record),
    endsAt: moment(content.ends_at),
    endedBy: parsePrincipalId(content.ended_by),
    reviewDueAt: moment(content.review_due_at),
    review:
      by === undefined || content.reviewed_at === null || (verdict !== 'justified' && verdict !== 'not-justified')
        ? undefined
        : { by, at: content.reviewed_at, verdict, note: content.note ?? '' },
  };
}

export function changed(incident: StoredIncident, change: Partial<IncidentState>): IncidentState {
  const { uncarried: _u, change: _c, token: _t, collections: _n, reminded: _r, ...state } = incident;
  return { ...state, ...change };
}

/** Time left for the review when reviewers are reminded. */
const reminderMs = 4 * 3_600_000;

/** The first deadline: for the second holder, the reminder or the review. */
export function firstLook({ secondBefore, grantedAt, reviewDueAt }: IncidentState): number {
  if (grantedAt === undefined || reviewDueAt === undefined) return secondBefore;
  const reminder = reviewDueAt - reminderMs;
  return reminder > grantedAt ? reminder : reviewDueAt;
}
