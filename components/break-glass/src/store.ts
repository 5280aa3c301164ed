import {
  emergencyScopes,
  type Incident,
  type IncidentStatus,
  incidentStatuses,
  type PrincipalId,
  parsePrincipalId,
  parseResourceUri,
} from '@countersign/contracts';
import { type IncidentId, parseDigest, parseId, type RecordId, type TokenId, toInstant } from '@countersign/kernel';
import { ask, takeNamedLock } from '@countersign/runtime';
import type pg from 'pg';

/** An incident with what is needed to carry it through. Times are milliseconds since the epoch. */
export interface StoredIncident
  extends Pick<
    Incident,
    'id' | 'status' | 'holder' | 'institution' | 'reason' | 'reference' | 'resource' | 'scopes' | 'jkt' | 'recordId'
  > {
  readonly declaredAt: number;
  readonly secondBefore: number;
  readonly acr: string;
  readonly signedAt: number;
  readonly second: PrincipalId | undefined;
  readonly grantedAt: number | undefined;
  readonly grantedRecord: RecordId | undefined;
  readonly endsAt: number | undefined;
  readonly token: TokenId | undefined;
  /** How often it was collected: each token ends the one before. */
  readonly collections: number;
  readonly reviewDueAt: number | undefined;
  readonly reminded: boolean;
  readonly review: Incident['review'] | undefined;
  readonly endRecord: RecordId;
}

export type Session = pg.Pool | pg.PoolClient;

interface Row {
  readonly id: string;
  readonly status: string;
  readonly holder: string;
  readonly institution: string;
  readonly reason: string;
  readonly reference: string;
  readonly resource: string;
  readonly scopes: readonly string[];
  readonly jkt: string;
  readonly declared_at: Date;
  readonly second_before: Date;
  readonly record_id: RecordId;
  readonly acr: string;
  readonly signed_at: Date;
  readonly second: string | null;
  readonly granted_at: Date | null;
  readonly granted_record: RecordId | null;
  readonly ends_at: Date | null;
  readonly token: string | null;
  readonly collections: number;
  readonly review_due_at: Date | null;
  readonly reminded: boolean;
  readonly reviewed_by: string | null;
  readonly reviewed_at: Date | null;
  readonly verdict: 'justified' | 'not-justified' | null;
  readonly note: string | null;
  readonly end_record: RecordId;
}

const columns = `id, status, holder, institution, reason, reference, resource, scopes, jkt, declared_at, second_before,
  record_id, acr, signed_at, second, granted_at, granted_record, ends_at, token, collections, review_due_at, reminded, reviewed_by,
  reviewed_at, verdict, note, end_record`;

/** What is done about these people in this transaction is done about them nowhere else at the same time. */
export async function lockPeople(session: pg.PoolClient, people: readonly string[]): Promise<void> {
  for (const person of [...people].sort()) await takeNamedLock(session, person);
}

/** Whether a person is a holder of an incident that nobody has reviewed, `but` this one. */
export async function hasUnreviewed(session: Session, person: string, but?: IncidentId): Promise<boolean> {
  const { rowCount } = await ask(
    session,
    `select from incidents where status in ('declared', 'granted', 'overdue') and (holder = $1 or second = $1)
        and ($2::text is null or id <> $2) limit 1`,
    [person, but ?? null],
  );
  return rowCount === 1;
}

export async function insertIncident(session: Session, incident: StoredIncident): Promise<void> {
  await ask(
    session,
    `insert into incidents (id, status, holder, institution, reason, reference, resource, scopes, jkt, declared_at,
                            second_before, record_id, acr, signed_at, end_record, next_attempt)
     values ($1, 'declared', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $10)`,
    [
      incident.id,
      incident.holder,
      incident.institution,
      incident.reason,
      incident.reference,
      incident.resource,
      incident.scopes,
      incident.jkt,
      new Date(incident.declaredAt),
      new Date(incident.secondBefore),
      incident.recordId,
      incident.acr,
      new Date(incident.signedAt),
      incident.endRecord,
    ],
  );
}

export async function findIncident(session: Session, id: IncidentId): Promise<StoredIncident | undefined> {
  return (await found(session, 'id = $1', [id]))[0];
}

/** Holds it until the transaction ends. */
export async function lockIncident(session: pg.PoolClient, id: IncidentId): Promise<StoredIncident | undefined> {
  await ask(session, 'select id from incidents where id = $1 for update', [id]);
  return findIncident(session, id);
}

/** Newest first. */
export async function listIncidents(
  session: Session,
  filter: {
    readonly institution: string | undefined;
    readonly status: IncidentStatus | undefined;
    readonly limit: number;
  },
): Promise<readonly StoredIncident[]> {
  return found(
    session,
    '($1::text is null or institution = $1) and ($2::text is null or status = $2) order by id desc limit $3',
    [filter.institution ?? null, filter.status ?? null, filter.limit],
  );
}

export async function grantIncident(
  session: pg.PoolClient,
  id: IncidentId,
  grant: {
    readonly second: PrincipalId;
    readonly at: number;
    readonly recordId: RecordId;
    readonly endsAt: number;
    readonly reviewDueAt: number;
    readonly next: number;
  },
): Promise<void> {
  await ask(
    session,
    `update incidents set status = 'granted', second = $2, granted_at = $3, granted_record = $4, ends_at = $5,
            review_due_at = $6, next_attempt = $7
      where id = $1 and status = 'declared'`,
    [
      id,
      grant.second,
      new Date(grant.at),
      grant.recordId,
      new Date(grant.endsAt),
      new Date(grant.reviewDueAt),
      new Date(grant.next),
    ],
  );
}

export async function keepToken(session: pg.PoolClient, id: IncidentId, token: TokenId): Promise<void> {
  await ask(session, 'update incidents set token = $2, collections = collections + 1 where id = $1', [id, token]);
}

export async function endAccess(session: pg.PoolClient, id: IncidentId, at: number): Promise<void> {
  await ask(session, 'update incidents set ends_at = least(ends_at, $2) where id = $1', [id, new Date(at)]);
}

export async function keepReview(
  session: pg.PoolClient,
  id: IncidentId,
  review: NonNullable<Incident['review']>,
): Promise<void> {
  await ask(
    session,
    `update incidents set status = 'reviewed', reviewed_by = $2, reviewed_at = $3, verdict = $4, note = $5 where id = $1`,
    [id, review.by, review.at, review.verdict, review.note],
  );
}

export async function settleIncident(
  session: pg.PoolClient,
  id: IncidentId,
  status: 'lapsed' | 'overdue',
): Promise<void> {
  await ask(session, 'update incidents set status = $2 where id = $1', [id, status]);
}

/** Looked at again at `next`. */
export async function putOff(session: Session, id: IncidentId, next: number, reminded: boolean): Promise<void> {
  await ask(session, 'update incidents set next_attempt = $2, reminded = reminded or $3 where id = $1', [
    id,
    new Date(next),
    reminded,
  ]);
}

/** Holds one that is due until the transaction ends; what another node holds is passed over. */
export async function lockDue(session: pg.PoolClient, now: number): Promise<StoredIncident | undefined> {
  const { rows } = await ask<{ id: IncidentId }>(
    session,
    `select id from incidents where status in ('declared', 'granted') and next_attempt <= $1
      order by next_attempt limit 1 for update skip locked`,
    [new Date(now)],
  );
  return rows[0] === undefined ? undefined : findIncident(session, rows[0].id);
}

async function found(session: Session, where: string, values: readonly unknown[]): Promise<readonly StoredIncident[]> {
  const { rows } = await ask<Row>(session, `select ${columns} from incidents where ${where}`, values);
  return rows.map(incidentOf);
}

function incidentOf(row: Row): StoredIncident {
  const id = parseId('incident', row.id);
  const status = incidentStatuses.find((known) => known === row.status);
  const holder = parsePrincipalId(row.holder);
  const resource = parseResourceUri(row.resource);
  const jkt = parseDigest(row.jkt);
  if (id === undefined || status === undefined || holder === undefined || resource === undefined || jkt === undefined)
    throw new Error(`a stored incident cannot be read: ${row.id}`);
  const by = parsePrincipalId(row.reviewed_by);
  return {
    id,
    status,
    holder,
    resource,
    jkt,
    institution: row.institution,
    reason: row.reason,
    reference: row.reference,
    scopes: emergencyScopes.filter((scope) => row.scopes.includes(scope)),
    declaredAt: row.declared_at.getTime(),
    secondBefore: row.second_before.getTime(),
    recordId: row.record_id,
    acr: row.acr,
    signedAt: row.signed_at.getTime(),
    second: parsePrincipalId(row.second),
    grantedAt: row.granted_at?.getTime(),
    grantedRecord: row.granted_record ?? undefined,
    endsAt: row.ends_at?.getTime(),
    token: parseId('token', row.token),
    collections: row.collections,
    reviewDueAt: row.review_due_at?.getTime(),
    reminded: row.reminded,
    review:
      by === undefined || row.reviewed_at === null || row.verdict === null
        ? undefined
        : { by, at: toInstant(row.reviewed_at.getTime()), verdict: row.verdict, note: row.note ?? '' },
    endRecord: row.end_record,
  };
}
