import type { DirectoryChange, DirectoryChangeRequest } from '@countersign/contracts';
import type { ChangeId, Digest, RecordId } from '@countersign/kernel';
import { databaseFailure } from '@countersign/runtime';
import type pg from 'pg';
import type { AnyProposal } from '../proposal.ts';
import type { ChangeScope } from '../rules/findings.ts';
import type { Session } from '../store.ts';

/** A change request as it is stored; its expiry is judged by who reads it. */
export interface StoredRequest {
  readonly id: ChangeId;
  readonly status: 'proposed' | 'approved' | 'rejected';
  readonly proposedBy: string;
  /** Through whom they proposed it. */
  readonly through: readonly string[];
  /** By which they may propose it. */
  readonly scope: ChangeScope;
  readonly decidedBy: string | null;
  readonly proposedAt: Date;
  readonly expiresAt: Date;
  readonly reason: string;
  readonly changes: readonly DirectoryChange[];
  readonly basis: Digest;
  readonly digest: Digest;
  /** Null once it is decided, or has expired. */
  readonly proposal: AnyProposal | null;
  readonly recordId: RecordId;
}

const columns = `id, status, proposed_by as "proposedBy", through, scope, decided_by as "decidedBy", proposed_at as "proposedAt",
  expires_at as "expiresAt", reason, changes, basis, digest, proposal, record_id as "recordId"`;

export async function insertRequest(
  session: pg.PoolClient,
  request: Omit<StoredRequest, 'status' | 'decidedBy'> & { readonly proposal: AnyProposal },
): Promise<void> {
  await session.query(
    `insert into change_requests
       (id, status, proposed_by, proposed_at, expires_at, reason, changes, basis, digest, proposal, record_id, through, scope)
     values ($1, 'proposed', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      request.id,
      request.proposedBy,
      request.proposedAt,
      request.expiresAt,
      request.reason,
      JSON.stringify(request.changes),
      request.basis,
      request.digest,
      JSON.stringify(request.proposal),
      request.recordId,
      request.through,
      request.scope,
    ],
  );
}

export async function findRequest(session: Session, id: ChangeId): Promise<StoredRequest | undefined> {
  try {
    const { rows } = await session.query<StoredRequest>(`select ${columns} from change_requests where id = $1`, [id]);
    return rows[0];
  } catch (error) {
    throw databaseFailure(error);
  }
}

/** Holds the request until the transaction ends: of several who decide, the second sees what the first did. */
export async function lockRequest(session: pg.PoolClient, id: ChangeId): Promise<StoredRequest | undefined> {
  const { rows } = await session.query<StoredRequest>(
    `select ${columns} from change_requests where id = $1 for update`,
    [id],
  );
  return rows[0];
}

/** @returns whether it was still undecided */
export async function decideRequest(
  session: pg.PoolClient,
  id: ChangeId,
  status: 'approved' | 'rejected',
  decidedBy: string,
): Promise<boolean> {
  const { rowCount } = await session.query(
    `update change_requests set status = $2, decided_by = $3, proposal = null where id = $1 and status = 'proposed'`,
    [id, status, decidedBy],
  );
  return rowCount === 1;
}

/** What somebody proposed until a moment, and nobody has decided. */
export async function openRequestsOf(session: Session, proposer: string, before: Date): Promise<readonly ChangeId[]> {
  try {
    const { rows } = await session.query<{ id: ChangeId }>(
      `select id from change_requests where status = 'proposed' and (proposed_by = $1 or $1 = any(through)) and proposed_at <= $2 order by id`,
      [proposer, before],
    );
    return rows.map(({ id }) => id);
  } catch (error) {
    throw databaseFailure(error);
  }
}

/** Newest first. */
export async function listRequests(
  session: Session,
  filter: { readonly status: DirectoryChangeRequest['status'] | undefined; readonly now: Date; readonly limit: number },
): Promise<readonly StoredRequest[]> {
  try {
    const { rows } = await session.query<StoredRequest>(
      `select ${columns} from change_requests
        where $1::text is null
           or $1 = case when status = 'proposed' and expires_at <= $2 then 'expired' else status end
        order by id desc limit $3`,
      [filter.status ?? null, filter.now, filter.limit],
    );
    return rows;
  } catch (error) {
    throw databaseFailure(error);
  }
}

/** Forgets what expired proposals would have written, and requests that are long over; in slices. */
export async function sweepRequests(session: pg.PoolClient, now: Date, removeBefore: Date): Promise<void> {
  await session.query(
    `update change_requests set proposal = null
      where id in (select id from change_requests where expires_at <= $1 and proposal is not null limit 100)`,
    [now],
  );
  await session.query(
    'delete from change_requests where id in (select id from change_requests where expires_at <= $1 limit 100)',
    [removeBefore],
  );
}
