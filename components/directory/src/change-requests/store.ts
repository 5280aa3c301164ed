import type { DirectoryChange, DirectoryChangeRequest } from '@countersign/contracts';
import { type ChangeId, type Digest, digestOf, type RecordId } from '@countersign/kernel';
import { ask } from '@countersign/runtime';
import type pg from 'pg';
import type { AnyProposal } from '../proposal.ts';
import type { ChangeScope } from '../rules/index.ts';
import type { Session } from '../store.ts';

export interface RequestState {
  readonly id: ChangeId;
  readonly status: 'proposed' | 'approved' | 'rejected';
  readonly proposedBy: string;
  /** The acting chain of the proposer. */
  readonly through: readonly string[];
  /** The scope under which it was proposed. */
  readonly scope: ChangeScope;
  readonly decidedBy: string | null;
  readonly proposedAt: Date;
  readonly expiresAt: Date;
  readonly reason: string;
  readonly changesDigest: Digest;
  readonly basis: Digest;
  readonly digest: Digest;
  readonly recordId: RecordId;
}

export interface StoredRequest extends RequestState {
  readonly changes: readonly DirectoryChange[];
  readonly proposal: AnyProposal | null;
  readonly changeRecord: RecordId;
}

const columns = `id, status, proposed_by as "proposedBy", through, scope, decided_by as "decidedBy", proposed_at as "proposedAt",
  expires_at as "expiresAt", reason, changes, basis, digest, proposal, record_id as "recordId", change_record as "changeRecord"`;

/** Stores the proposal, which its record does not contain. The row counts only after the proposal is recorded. */
export async function keepProposal(
  session: pg.PoolClient,
  request: Omit<RequestState, 'status' | 'decidedBy' | 'changesDigest' | 'recordId'> & {
    readonly changes: readonly DirectoryChange[];
    readonly proposal: AnyProposal;
  },
): Promise<void> {
  await ask(
    session,
    `insert into change_requests
       (id, status, proposed_by, through, scope, proposed_at, expires_at, reason, changes, basis, digest, proposal)
     values ($1, 'proposed', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      request.id,
      request.proposedBy,
      request.through,
      request.scope,
      request.proposedAt,
      request.expiresAt,
      request.reason,
      JSON.stringify(request.changes),
      request.basis,
      request.digest,
      JSON.stringify(request.proposal),
    ],
  );
}

/** Updates the row to its record. The stored proposal stays, and a rejection deletes it. */
export async function putRequest(
  session: pg.PoolClient,
  state: RequestState,
  { record }: { readonly record: RecordId },
): Promise<void> {
  await ask(
    session,
    `insert into change_requests
       (id, status, proposed_by, through, scope, decided_by, proposed_at, expires_at, reason, changes, basis, digest, record_id, change_record)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, '[]', $10, $11, $12, $13)
     on conflict (id) do update set
       status = excluded.status, proposed_by = excluded.proposed_by, through = excluded.through, scope = excluded.scope,
       decided_by = excluded.decided_by, proposed_at = excluded.proposed_at, expires_at = excluded.expires_at,
       reason = excluded.reason, basis = excluded.basis, digest = excluded.digest, record_id = excluded.record_id,
       change_record = excluded.change_record,
       proposal = case when excluded.status = 'rejected' then null else change_requests.proposal end`,
    [
      state.id,
      state.status,
      state.proposedBy,
      state.through,
      state.scope,
      state.decidedBy,
      state.proposedAt,
      state.expiresAt,
      state.reason,
      state.basis,
      state.digest,
      state.recordId,
      record,
    ],
  );
}

export async function findRequest(session: Session, id: ChangeId): Promise<StoredRequest | undefined> {
  return (await found(session, 'id = $1 and change_record is not null', [id]))[0];
}

export async function lockRequest(session: pg.PoolClient, id: ChangeId): Promise<StoredRequest | undefined> {
  await ask(session, 'select id from change_requests where id = $1 for update', [id]);
  return findRequest(session, id);
}

export async function findProposal(session: Session, id: ChangeId): Promise<AnyProposal | undefined> {
  const { rows } = await ask<{ proposal: AnyProposal | null }>(
    session,
    'select proposal from change_requests where id = $1',
    [id],
  );
  return rows[0]?.proposal ?? undefined;
}

export async function dropProposal(session: pg.PoolClient, id: ChangeId): Promise<void> {
  await ask(session, 'update change_requests set proposal = null where id = $1', [id]);
}

export async function openRequestsOf(session: Session, proposer: string, before: Date): Promise<readonly ChangeId[]> {
  const { rows } = await ask<{ id: ChangeId }>(
    session,
    `select id from change_requests where status = 'proposed' and (proposed_by = $1 or $1 = any(through)) and proposed_at <= $2 order by id`,
    [proposer, before],
  );
  return rows.map(({ id }) => id);
}

/** From unverified rows, newest first; includes proposals that may not have been recorded. */
export async function listRequests(
  session: Session,
  filter: { readonly status: DirectoryChangeRequest['status'] | undefined; readonly now: Date; readonly limit: number },
): Promise<readonly StoredRequest[]> {
  return found(
    session,
    `($1::text is null or $1 = case when status = 'proposed' and expires_at <= $2 then 'expired' else status end)
      order by id desc limit $3`,
    [filter.status ?? null, filter.now, filter.limit],
  );
}

/** Deletes the content of expired proposals, and requests that ended long ago; in slices. */
export async function sweepRequests(session: pg.PoolClient, now: Date, removeBefore: Date): Promise<void> {
  await ask(
    session,
    `update change_requests set proposal = null
      where id in (select id from change_requests where expires_at <= $1 and status = 'proposed' and proposal is not null limit 100)`,
    [now],
  );
  await ask(
    session,
    'delete from change_requests where id in (select id from change_requests where expires_at <= $1 limit 100)',
    [removeBefore],
  );
}

async function found(session: Session, where: string, values: readonly unknown[]): Promise<readonly StoredRequest[]> {
  const { rows } = await ask<Omit<StoredRequest, 'changesDigest'>>(
    session,
    `select ${columns} from change_requests where ${where}`,
    values,
  );
  return rows.map((row) => ({ ...row, changesDigest: digestOf(row.changes.map((change) => ({ ...change }))) }));
}
