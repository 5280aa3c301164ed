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

/** What approvers sign, beside whose recovery it is: nothing of it can be changed afterwards. */
export function recoveryDigest(about: {
  readonly person: string;
  readonly reason: string;
  readonly evidence: readonly string[];
}): Digest {
  return digestOf({ person: about.person, reason: about.reason, evidence: about.evidence });
}

/** Everything about a recovery that decides something. Times are milliseconds since the epoch. */
export interface RecoveryState {
  readonly person: PrincipalId;
  readonly institution: string;
  readonly openedBy: string;
  readonly openedAt: number;
  readonly expiresAt: number;
  /** Over person, reason and evidence. */
  readonly digest: Digest;
  /** Of its `recovery.opened`. */
  readonly recordId: RecordId;
  /** Names of the functions that have to approve, as they were configured when it was opened. */
  readonly functions: readonly string[];
  readonly approvals: Recovery['approvals'];
  readonly status: RecoveryStatus;
  /** Of its `recovery.credentials-ended`. */
  readonly endedRecord: RecordId | undefined;
  readonly invitations: number;
  readonly coolingOffUntil: number | undefined;
}

/** What proved who the person is, in the words of who opened it. */
export type Words = Pick<Recovery, 'reason' | 'evidence'>;

export interface StoredRecovery extends RecoveryState, Words {
  readonly id: RecoveryId;
  /** Of the change that made it what it is. */
  readonly record: RecordId;
  /** How much has been ended so far. */
  readonly authenticators: number;
  readonly sessions: number;
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
  readonly record_id: RecordId;
  readonly record: RecordId;
  readonly functions: readonly string[];
  readonly ended_record: RecordId | null;
  readonly authenticators: number;
  readonly sessions: number;
  readonly invitations: number;
  readonly cooling_off_until: Date | null;
  readonly approvals: readonly {
    readonly by: PrincipalId;
    readonly function: string;
    readonly at: string;
    readonly recordId: RecordId;
  }[];
}

const standing = `status in ('waiting', 'approved', 'ended', 'invited')`;
const columns = `id, person, institution, status, opened_by, opened_at, expires_at, reason, evidence, record_id, record,
  functions, ended_record, authenticators, sessions, invitations, cooling_off_until,
  coalesce((select jsonb_agg(jsonb_build_object('by', by_person, 'function', function, 'at', at, 'recordId', approvals.record_id)
                             order by at, function)
              from approvals where approvals.recovery = recoveries.id), '[]') as approvals`;

const settled: ReadonlySet<RecoveryStatus> = new Set(['completed', 'refused', 'cancelled', 'expired']);
export const isSettled = ({ status }: Pick<RecoveryState, 'status'>): boolean => settled.has(status);

/**
 * Makes the row say this, and each of its approvals.
 *
 * @param row.next when it is to be looked at next
 */
export async function putRecovery(
  session: pg.PoolClient,
  state: RecoveryState,
  row: Words & { readonly id: RecoveryId; readonly record: RecordId; readonly next: number; readonly now: number },
): Promise<void> {
  // One stands for a person, and the log says which: what else seems to was written by somebody else.
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

/** Removes a row that no record is about. */
export async function removeRecovery(session: Session, id: RecoveryId): Promise<void> {
  await ask(session, 'delete from recoveries where id = $1', [id]);
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
  const status = recoveryStatuses.find((known) => known === row.status);
  if (id === undefined || person === undefined || status === undefined)
    throw new Error(`a stored recovery cannot be read: ${row.id}`);
  const { reason, evidence } = row;
  return {
    id,
    person,
    status,
    reason,
    evidence,
    // Of what approvers are shown, whatever else was signed.
    digest: recoveryDigest({ person, reason, evidence }),
    institution: row.institution,
    openedBy: row.opened_by,
    openedAt: row.opened_at.getTime(),
    expiresAt: row.expires_at.getTime(),
    recordId: row.record_id,
    record: row.record,
    functions: row.functions,
    endedRecord: row.ended_record ?? undefined,
    authenticators: row.authenticators,
    sessions: row.sessions,
    invitations: row.invitations,
    coolingOffUntil: row.cooling_off_until?.getTime(),
    approvals: row.approvals.map(({ at, ...rest }) => ({ ...rest, at: toInstant(new Date(at).getTime()) })),
  };
}
