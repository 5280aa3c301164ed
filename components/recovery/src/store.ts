import {
  type PrincipalId,
  parsePrincipalId,
  type Recovery,
  type RecoveryStatus,
  recoveryStatuses,
} from '@countersign/contracts';
import { type Digest, digestOf, parseId, type RecordId, type RecoveryId, toInstant } from '@countersign/kernel';
import { ask } from '@countersign/runtime';
import type pg from 'pg';

/** What approvers sign, beside the id and the person. */
export function recoveryDigest(about: {
  readonly person: string;
  readonly reason: string;
  readonly evidence: readonly string[];
}): Digest {
  return digestOf({ person: about.person, reason: about.reason, evidence: about.evidence });
}

/** Times are milliseconds since the epoch. */
export interface RecoveryState {
  readonly person: PrincipalId;
  readonly institution: string;
  readonly openedBy: string;
  readonly openedAt: number;
  readonly expiresAt: number;
  /** Of person, reason and evidence. */
  readonly digest: Digest;
  /** Of its `recovery.opened`. */
  readonly recordId: RecordId;
  /** Names of the functions that must approve, as configured at the opening. */
  readonly functions: readonly string[];
  readonly approvals: Recovery['approvals'];
  readonly status: RecoveryStatus;
  /** Of its `recovery.credentials-ended`. */
  readonly endedRecord: RecordId | undefined;
  readonly invitations: number;
  readonly coolingOffUntil: number | undefined;
}

/** Personal data: the reason, and references to the proof of identity. */
export type Words = Pick<Recovery, 'reason' | 'evidence'>;

export interface StoredRecovery extends RecoveryState, Words {
  readonly id: RecoveryId;
  /** The newest change. */
  readonly record: RecordId;
  /** How much has been revoked so far. */
  readonly authenticators: number;
  readonly sessions: number;
}

export type Session = pg.Pool | pg.PoolClient;

interface Row
  extends Pick<StoredRecovery, 'institution' | 'openedBy' | 'recordId' | 'record' | 'functions' | 'invitations'>,
    Pick<StoredRecovery, 'approvals' | 'authenticators' | 'sessions' | keyof Words> {
  readonly id: string;
  readonly person: string;
  readonly status: string;
  readonly openedAt: Date;
  readonly expiresAt: Date;
  readonly endedRecord: RecordId | null;
  readonly coolingOffUntil: Date | null;
}

const standing = `status in ('waiting', 'approved', 'ended', 'invited')`;
const columns = `id, person, institution, status, opened_by as "openedBy", opened_at as "openedAt", expires_at as "expiresAt",
  reason, evidence, record_id as "recordId", record, functions, ended_record as "endedRecord", authenticators, sessions,
  invitations, cooling_off_until as "coolingOffUntil",
  coalesce((select jsonb_agg(jsonb_build_object('by', by_person, 'function', function, 'at', at, 'recordId', approvals.record_id)
                             order by at, function)
              from approvals where approvals.recovery = recoveries.id), '[]') as approvals`;

const settled: ReadonlySet<RecoveryStatus> = new Set(['completed', 'refused', 'cancelled', 'expired']);
export const isSettled = ({ status }: Pick<RecoveryState, 'status'>): boolean => settled.has(status);

/** Writes the row and its approvals. @param row.next time of the next check */
export async function putRecovery(
  session: pg.PoolClient,
  state: RecoveryState,
  row: Words & { readonly id: RecoveryId; readonly record: RecordId; readonly next: number; readonly now: number },
): Promise<void> {
  // A person has one open recovery, and the log says which.
  if (!isSettled(state))
    await ask(session, `delete from recoveries where person = $1 and id <> $2 and ${standing}`, [state.person, row.id]);
  await ask(
    session,
    `insert into recoveries (id, person, institution, status, opened_by, opened_at, expires_at, reason, evidence, record_id,
                             record, functions, ended_record, invitations, cooling_off_until, next_attempt, settled_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
     on conflict (id) do update
       set person = excluded.person, institution = excluded.institution, status = excluded.status,
           opened_by = excluded.opened_by, opened_at = excluded.opened_at, expires_at = excluded.expires_at,
           reason = excluded.reason, evidence = excluded.evidence, record_id = excluded.record_id, record = excluded.record,
           functions = excluded.functions, ended_record = excluded.ended_record, invitations = excluded.invitations,
           cooling_off_until = excluded.cooling_off_until, next_attempt = excluded.next_attempt,
           settled_at = excluded.settled_at, claim = null`,
    [
      row.id,
      state.person,
      state.institution,
      state.status,
      state.openedBy,
      new Date(state.openedAt),
      new Date(state.expiresAt),
      row.reason,
      JSON.stringify(row.evidence),
      state.recordId,
      row.record,
      JSON.stringify(state.functions),
      state.endedRecord ?? null,
      state.invitations,
      state.coolingOffUntil === undefined ? null : new Date(state.coolingOffUntil),
      new Date(row.next),
      isSettled(state) ? new Date(row.now) : null,
    ],
  );
  await ask(session, 'delete from approvals where recovery = $1', [row.id]);
  for (const { by, function: name, at, recordId } of state.approvals)
    await ask(
      session,
      'insert into approvals (recovery, function, by_person, at, record_id) values ($1, $2, $3, $4, $5)',
      [row.id, name, by, at, recordId],
    );
}

/** Removes a row without a record. */
export async function removeRecovery(session: Session, id: RecoveryId): Promise<void> {
  await ask(session, 'delete from recoveries where id = $1', [id]);
}

export async function findRecovery(session: Session, id: RecoveryId): Promise<StoredRecovery | undefined> {
  return (await found(session, 'id = $1', [id]))[0];
}

/** Locked until the transaction ends. */
export async function lockRecovery(session: pg.PoolClient, id: RecoveryId): Promise<StoredRecovery | undefined> {
  await ask(session, 'select id from recoveries where id = $1 for update', [id]);
  return findRecovery(session, id);
}

export async function findStanding(session: Session, person: string): Promise<StoredRecovery | undefined> {
  return (await found(session, `person = $1 and ${standing}`, [person]))[0];
}

/** Newest first. */
export async function listRecoveries(
  session: Session,
  filter: {
    readonly institution: string | undefined;
    readonly status: RecoveryStatus | undefined;
    readonly limit: number;
  },
): Promise<readonly StoredRecovery[]> {
  const { institution = null, status = null, limit } = filter;
  const where =
    '($1::text is null or institution = $1) and ($2::text is null or status = $2) order by id desc limit $3';
  return found(session, where, [institution, status, limit]);
}

/** Leases what is due for `leaseMs`; if the node stops, another one continues. */
export async function takeDue(
  session: Session,
  taking: { readonly claim: string; readonly now: number; readonly leaseMs: number; readonly limit: number },
): Promise<readonly StoredRecovery[]> {
  const { claim, now, leaseMs, limit } = taking;
  const { rows } = await ask<{ id: RecoveryId }>(
    session,
    `update recoveries set claim = $1, next_attempt = $3
      where id in (select id from recoveries where ${standing} and next_attempt <= $2
                    order by next_attempt limit $4 for update skip locked)
     returning id`,
    [claim, new Date(now), new Date(now + leaseMs), limit],
  );
  return found(session, 'id = any($1)', [rows.map(({ id }) => id)]);
}

/** Returns a lease, due again at `next`. */
export async function putOff(session: Session, id: RecoveryId, claim: string, next: number): Promise<void> {
  const text = 'update recoveries set next_attempt = $3, claim = null where id = $1 and claim = $2';
  await ask(session, text, [id, claim, new Date(next)]);
}

export async function countEnded(
  session: Session,
  id: RecoveryId,
  ended: { readonly authenticators: number; readonly sessions: number },
): Promise<void> {
  const text = 'update recoveries set authenticators = authenticators + $2, sessions = sessions + $3 where id = $1';
  await ask(session, text, [id, ended.authenticators, ended.sessions]);
}

/** @returns how many */
export async function removeSettled(session: Session, before: number, limit: number): Promise<number> {
  const text = 'delete from recoveries where id in (select id from recoveries where settled_at < $1 limit $2)';
  const { rowCount } = await ask(session, text, [new Date(before), limit]);
  return rowCount ?? 0;
}

async function found(session: Session, where: string, values: readonly unknown[]): Promise<readonly StoredRecovery[]> {
  const { rows } = await ask<Row>(session, `select ${columns} from recoveries where ${where}`, values);
  return rows.map(recoveryOf);
}

function recoveryOf(row: Row): StoredRecovery {
  const id = parseId('recovery', row.id);
  const person = parsePrincipalId(row.person);
  const status = recoveryStatuses.find((known) => known === row.status);
  if (id === undefined || person === undefined || status === undefined)
    throw new Error(`a recovery has an invalid row: ${row.id}`);
  return {
    ...{ ...row, id, person, status },
    // Of the values that approvers are shown.
    digest: recoveryDigest({ ...row, person }),
    openedAt: row.openedAt.getTime(),
    expiresAt: row.expiresAt.getTime(),
    endedRecord: row.endedRecord ?? undefined,
    coolingOffUntil: row.coolingOffUntil?.getTime(),
    approvals: row.approvals.map(({ at, ...rest }) => ({ ...rest, at: toInstant(new Date(at).getTime()) })),
  };
}
