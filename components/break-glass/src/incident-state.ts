import {
  emergencyScopes,
  type Incident,
  incidentStatuses,
  type PrincipalId,
  parsePrincipalId,
  parseResourceUri,
} from '@countersign/contracts';
import { parseDigest, parseId, type RecordId, type TokenId, toInstant } from '@countersign/kernel';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';

// What of an incident decides, as its records carry it and as its row is held against them (docs/adr/0057).

/** Everything about an incident that decides. Times are milliseconds since the epoch. */
export interface IncidentState
  extends Pick<
    Incident,
    'id' | 'status' | 'holder' | 'institution' | 'reason' | 'reference' | 'resource' | 'scopes' | 'jkt' | 'recordId'
  > {
  readonly declaredAt: number;
  readonly secondBefore: number;
  /** How the first holder signed: the access says so. */
  readonly acr: string;
  readonly signedAt: number;
  readonly second: PrincipalId | undefined;
  readonly grantedAt: number | undefined;
  readonly grantedRecord: RecordId | undefined;
  readonly endsAt: number | undefined;
  /** The holder who ended the access before its time. */
  readonly endedBy: PrincipalId | undefined;
  readonly reviewDueAt: number | undefined;
  readonly review: Incident['review'] | undefined;
  /** Of an incident whose records are from before they carried the state: they say what was declared, and `endRecord`. */
  readonly uncarried?: { readonly endRecord: RecordId };
}

/** An incident with what decides nothing. */
export interface StoredIncident extends IncidentState {
  /** The record of the last change. */
  readonly change: RecordId;
  /** The newest, and how often it was collected: each ends the one before. */
  readonly token: TokenId | undefined;
  readonly collections: number;
  readonly reminded: boolean;
}

const text = Type.String();
const orNone = Type.Union([text, Type.Null()]);
/** Named as the columns are. Moments are RFC 3339. */
const carriedSchema = Type.Object({
  id: text,
  status: text,
  holder: text,
  institution: text,
  reason: text,
  reference: text,
  resource: text,
  scopes: Type.Array(text),
  jkt: text,
  declared_at: text,
  second_before: text,
  record_id: text,
  acr: text,
  signed_at: text,
  second: orNone,
  granted_at: orNone,
  granted_record: orNone,
  ends_at: orNone,
  ended_by: orNone,
  review_due_at: orNone,
  reviewed_by: orNone,
  reviewed_at: orNone,
  verdict: orNone,
  note: orNone,
});
const carried = Compile(carriedSchema);
export type Carried = Readonly<Static<typeof carriedSchema>>;

/** As a record carries it, and as a row is written. */
export function carriedOf(state: IncidentState): Carried {
  const moment = (at: number | undefined) => (at === undefined ? null : toInstant(at));
  return {
    id: state.id,
    status: state.status,
    holder: state.holder,
    institution: state.institution,
    reason: state.reason,
    reference: state.reference,
    resource: state.resource,
    scopes: [...state.scopes],
    jkt: state.jkt,
    declared_at: toInstant(state.declaredAt),
    second_before: toInstant(state.secondBefore),
    record_id: state.recordId,
    acr: state.acr,
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

/** @throws Error where this was never written here */
export function stateOf(content: unknown): IncidentState {
  if (!carried.Check(content)) throw new Error('the state of an incident cannot be read');
  const id = parseId('incident', content.id);
  const status = incidentStatuses.find((known) => known === content.status);
  const holder = parsePrincipalId(content.holder);
  const resource = parseResourceUri(content.resource);
  const jkt = parseDigest(content.jkt);
  const recordId = parseId('record', content.record_id);
  if (!id || !status || !holder || !resource || !jkt || !recordId)
    throw new Error(`an incident cannot be read: ${content.id}`);
  const moment = (instant: string | null) => (instant === null ? undefined : Date.parse(instant));
  const by = parsePrincipalId(content.reviewed_by);
  const { verdict } = content;
  return {
    id,
    status,
    holder,
    resource,
    jkt,
    recordId,
    institution: content.institution,
    reason: content.reason,
    reference: content.reference,
    scopes: emergencyScopes.filter((scope) => content.scopes.includes(scope)),
    declaredAt: Date.parse(content.declared_at),
    secondBefore: Date.parse(content.second_before),
    acr: content.acr,
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

/** The incident after a change: what its record carries. */
export function changed(
  {
    uncarried: _uncarried,
    change: _change,
    token: _token,
    collections: _collections,
    reminded: _reminded,
    ...state
  }: StoredIncident,
  change: Partial<IncidentState>,
): IncidentState {
  return { ...state, ...change };
}

/** Reviewers are reminded when so much of their time is left. */
const reminderMs = 4 * 3_600_000;

/** When nobody comes, it is looked at then: for a second holder, for a reminder, or for the review. */
export function firstLook({ secondBefore, grantedAt, reviewDueAt }: IncidentState): number {
  if (grantedAt === undefined || reviewDueAt === undefined) return secondBefore;
  const reminder = reviewDueAt - reminderMs;
  return reminder > grantedAt ? reminder : reviewDueAt;
}
