import type { PolicyBundle, PolicyCandidate } from '@countersign/contracts';
import type { Digest, PolicyCandidateId, RecordId, SimulationId } from '@countersign/kernel';
import { databaseFailure } from '@countersign/runtime';
import type pg from 'pg';
import type { Session } from './store.ts';

/** A candidate as it is stored, without its bundle; its expiry is judged by who reads it. */
export interface StoredCandidate {
  readonly id: PolicyCandidateId;
  readonly status: 'proposed' | 'approved' | 'rejected';
  readonly hash: Digest;
  readonly digest: Digest;
  readonly changeRequest: string;
  readonly reason: string;
  readonly baseVersion: number;
  readonly proposedBy: string;
  /** Through whom they proposed it, current actor first. */
  readonly through: readonly string[];
  readonly proposedAt: Date;
  readonly expiresAt: Date;
  readonly decidedBy: string | null;
  readonly testsPassed: number;
  readonly untested: readonly string[];
  readonly simulationId: SimulationId;
  readonly simulationDigest: Digest;
  readonly decisions: number;
  readonly flips: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly recordId: RecordId;
}

export type CandidateWithBundle = StoredCandidate & { readonly bundle: PolicyBundle };

const columns = `id, status, hash, digest, change_request as "changeRequest", reason, base_version as "baseVersion",
  proposed_by as "proposedBy", through, proposed_at as "proposedAt", expires_at as "expiresAt", decided_by as "decidedBy",
  tests_passed as "testsPassed", untested, simulation_id as "simulationId", simulation_digest as "simulationDigest",
  decisions, flips, skipped, record_id as "recordId"`;

export async function insertCandidate(
  session: pg.PoolClient,
  candidate: Omit<CandidateWithBundle, 'status' | 'decidedBy'>,
): Promise<void> {
  await session.query(
    `insert into policy_candidates (id, status, hash, digest, change_request, reason, base_version, proposed_by,
       proposed_at, expires_at, bundle, tests_passed, untested, simulation_id, simulation_digest, decisions, flips,
       skipped, record_id, through)
     values ($1, 'proposed', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
    [
      candidate.id,
      candidate.hash,
      candidate.digest,
      candidate.changeRequest,
      candidate.reason,
      candidate.baseVersion,
      candidate.proposedBy,
      candidate.proposedAt,
      candidate.expiresAt,
      JSON.stringify(candidate.bundle),
      candidate.testsPassed,
      JSON.stringify(candidate.untested),
      candidate.simulationId,
      candidate.simulationDigest,
      candidate.decisions,
      candidate.flips,
      JSON.stringify(candidate.skipped),
      candidate.recordId,
      candidate.through,
    ],
  );
}

export async function findCandidate(session: Session, id: PolicyCandidateId): Promise<CandidateWithBundle | undefined> {
  try {
    const { rows } = await session.query<CandidateWithBundle>(
      `select ${columns}, bundle from policy_candidates where id = $1`,
      [id],
    );
    return rows[0];
  } catch (error) {
    throw databaseFailure(error);
  }
}

/** Holds the candidate until the transaction ends: of several who decide, the second sees what the first did. */
export async function lockCandidate(
  session: pg.PoolClient,
  id: PolicyCandidateId,
): Promise<CandidateWithBundle | undefined> {
  const { rows } = await session.query<CandidateWithBundle>(
    `select ${columns}, bundle from policy_candidates where id = $1 for update`,
    [id],
  );
  return rows[0];
}

/** @returns whether it was still undecided */
export async function decideCandidate(
  session: pg.PoolClient,
  id: PolicyCandidateId,
  status: 'approved' | 'rejected',
  decidedBy: string,
): Promise<boolean> {
  const { rowCount } = await session.query(
    `update policy_candidates set status = $2, decided_by = $3 where id = $1 and status = 'proposed'`,
    [id, status, decidedBy],
  );
  return rowCount === 1;
}

/** What somebody proposed until a moment, or had proposed through them, and nobody has decided. */
export async function openCandidatesOf(
  session: Session,
  proposer: string,
  before: Date,
): Promise<readonly PolicyCandidateId[]> {
  try {
    const { rows } = await session.query<{ id: PolicyCandidateId }>(
      `select id from policy_candidates
        where status = 'proposed' and (proposed_by = $1 or $1 = any(through)) and proposed_at <= $2 order by id`,
      [proposer, before],
    );
    return rows.map(({ id }) => id);
  } catch (error) {
    throw databaseFailure(error);
  }
}

/** Newest first. */
export async function listCandidates(
  session: Session,
  filter: { readonly status: PolicyCandidate['status'] | undefined; readonly now: Date; readonly limit: number },
): Promise<readonly StoredCandidate[]> {
  try {
    const { rows } = await session.query<StoredCandidate>(
      `select ${columns} from policy_candidates
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

/** Forgets candidates that are long over, in slices. What was approved stays as its version. */
export async function sweepCandidates(session: pg.PoolClient, removeBefore: Date): Promise<void> {
  await session.query(
    'delete from policy_candidates where id in (select id from policy_candidates where expires_at <= $1 limit 100)',
    [removeBefore],
  );
}
