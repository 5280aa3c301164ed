import {
  type PrincipalId,
  parsePrincipalId,
  type Recovery,
  type RecoveryStatus,
  recoveryStatuses,
} from '@countersign/contracts';
import { parseDigest, parseId, type RecordId, type RecoveryId, toInstant } from '@countersign/kernel';
import { ask } from '@countersign/runtime';
import type pg from 'pg';

/** A recovery with what is needed to carry it through. Times are milliseconds since the epoch. */
export interface StoredRecovery extends Omit<Recovery, 'openedAt' | 'expiresAt' | 'coolingOffUntil' | 'missing'> {
  readonly openedAt: number;
  readonly expiresAt: number;
  readonly invitedAt: number | undefined;
  readonly coolingOffUntil: number | undefined;
  readonly invitations: number;
  readonly authenticators: number;
  readonly sessions: number;
  readonly endedRecord: RecordId;
  readonly completionRecord: RecordId;
  readonly expiryRecord: RecordId;
}

export type Session = pg.Pool | pg.PoolClient;

interface Row {
  readonly id: string;
  readonly person: string;
  readonly institution: string;
  readonly status: string;
  readonly opened_by: string;
  readonly opened_at: Date;
  readonly expires_at: Date;
  readonly reason: string;
  readonly evidence: readonly string[];
  readonly digest: string;
  readonly record_id: RecordId;
  readonly ended_record: RecordId;
  readonly completion_record: RecordId;
  readonly expiry_record: RecordId;
  readonly authenticators: number;
  readonly sessions: number;
  readonly invitations: number;
  readonly invited_at: Date | null;
  readonly cooling_off_until: Date | null;
  readonly approvals: readonly {
    readonly by: PrincipalId;
    readonly function: string;
    readonly at: string;
    readonly recordId: RecordId;
  }[];
}

const standing = `status in ('waiting', 'approved', 'ended', 'invited')`;
const columns = `id, person, institution, status, opened_by, opened_at, expires_at, reason, evidence, digest, record_id,
  ended_record, completion_record, expiry_record, authenticators, sessions, invitations, invited_at, cooling_off_until,
  coalesce((select jsonb_agg(jsonb_build_object('by', by_person, 'function', function, 'at', at, 'recordId', approvals.record_id)
                             order by at, function)
              from approvals where approvals.recovery = recoveries.id), '[]') as approvals`;

/** @returns false where one stands for this person already */
export async function insertRecovery(session: Session, recovery: StoredRecovery): Promise<boolean> {
  const { rowCount } = await ask(
    session,
    `insert into recoveries (id, person, institution, status, opened_by, opened_at, expires_at, reason, evidence, digest,
                             record_id, ended_record, completion_record, expiry_record, next_attempt)
     values ($1, $2, $3, 'waiting', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $6)
     on conflict (person) where ${standing} do nothing`,
    [
      recovery.id,
      recovery.person,
      recovery.institution,
      recovery.openedBy,
      new Date(recovery.openedAt),
      new Date(recovery.expiresAt),
      recovery.reason,
      JSON.stringify(recovery.evidence),
      recovery.digest,
      recovery.recordId,
      recovery.endedRecord,
      recovery.completionRecord,
      recovery.expiryRecord,
    ],
  );
  return rowCount === 1;
}

export async function insertApproval(
  session: pg.PoolClient,
  recovery: RecoveryId,
  approval: {
    readonly by: PrincipalId;
    readonly function: string;
    readonly at: number;
    readonly recordId: RecordId;
  },
): Promise<void> {
  await ask(
    session,
    'insert into approvals (recovery, function, by_person, at, record_id) values ($1, $2, $3, $4, $5)',
    [recovery, approval.function, approval.by, new Date(approval.at), approval.recordId],
  );
}

export async function findRecovery(session: Session, id: RecoveryId): Promise<StoredRecovery | undefined> {
  return (await found(session, 'id = $1', [id]))[0];
}

/** Holds it until the transaction ends: of several who decide, the second sees what the first did. */
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
  return found(
    session,
    '($1::text is null or institution = $1) and ($2::text is null or status = $2) order by id desc limit $3',
    [filter.institution ?? null, filter.status ?? null, filter.limit],
  );
}

/**
 * Takes what is due, for `leaseMs`: what has been approved, what waits for an enrolment, and whatever is over. A node
 * that dies on the way leaves it to the next.
 */
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

/** Gives it back, to be taken up at `next`. */
export async function putOff(session: Session, id: RecoveryId, claim: string, next: number): Promise<void> {
  await ask(session, 'update recoveries set next_attempt = $3, claim = null where id = $1 and claim = $2', [
    id,
    claim,
    new Date(next),
  ]);
}

export async function countEnded(
  session: Session,
  id: RecoveryId,
  ended: { readonly authenticators: number; readonly sessions: number },
): Promise<void> {
  await ask(
    session,
    'update recoveries set authenticators = authenticators + $2, sessions = sessions + $3 where id = $1',
    [id, ended.authenticators, ended.sessions],
  );
}

/** From one status to the next; whoever comes too late changes nothing. @returns whether it was in the first */
export async function advance(
  session: Session,
  id: RecoveryId,
  step: {
    readonly from: RecoveryStatus;
    readonly to: RecoveryStatus;
    readonly at: number;
    /** When it is to be looked at next. */
    readonly next?: number;
    readonly coolingOffUntil?: number;
  },
): Promise<boolean> {
  const settled = ['completed', 'refused', 'cancelled', 'expired'].includes(step.to);
  const { rowCount } = await ask(
    session,
    `update recoveries
        set status = $3, next_attempt = coalesce($4, next_attempt), claim = null,
            settled_at = $5, cooling_off_until = coalesce($6, cooling_off_until)
      where id = $1 and status = $2`,
    [
      id,
      step.from,
      step.to,
      step.next === undefined ? null : new Date(step.next),
      settled ? new Date(step.at) : null,
      step.coolingOffUntil === undefined ? null : new Date(step.coolingOffUntil),
    ],
  );
  return rowCount === 1;
}

export async function countInvitation(session: Session, id: RecoveryId, at: number): Promise<void> {
  await ask(
    session,
    `update recoveries set status = 'invited', invitations = invitations + 1, invited_at = coalesce(invited_at, $2),
            next_attempt = $2, claim = null
      where id = $1`,
    [id, new Date(at)],
  );
}

/** Forgets what has long been settled. @returns how many */
export async function removeSettled(session: Session, before: number, limit: number): Promise<number> {
  const { rowCount } = await ask(
    session,
    'delete from recoveries where id in (select id from recoveries where settled_at < $1 limit $2)',
    [new Date(before), limit],
  );
  return rowCount ?? 0;
}

async function found(session: Session, where: string, values: readonly unknown[]): Promise<readonly StoredRecovery[]> {
  const { rows } = await ask<Row>(session, `select ${columns} from recoveries where ${where}`, values);
  return rows.map(recoveryOf);
}

function recoveryOf(row: Row): StoredRecovery {
  const id = parseId('recovery', row.id);
  const person = parsePrincipalId(row.person);
  const digest = parseDigest(row.digest);
  const status = recoveryStatuses.find((known) => known === row.status);
  if (id === undefined || person === undefined || digest === undefined || status === undefined)
    throw new Error(`a stored recovery cannot be read: ${row.id}`);
  return {
    id,
    person,
    status,
    digest,
    institution: row.institution,
    openedBy: row.opened_by,
    openedAt: row.opened_at.getTime(),
    expiresAt: row.expires_at.getTime(),
    reason: row.reason,
    evidence: row.evidence,
    recordId: row.record_id,
    endedRecord: row.ended_record,
    completionRecord: row.completion_record,
    expiryRecord: row.expiry_record,
    authenticators: row.authenticators,
    sessions: row.sessions,
    invitations: row.invitations,
    invitedAt: row.invited_at?.getTime(),
    coolingOffUntil: row.cooling_off_until?.getTime(),
    approvals: row.approvals.map(({ at, ...rest }) => ({ ...rest, at: toInstant(new Date(at).getTime()) })),
  };
}
