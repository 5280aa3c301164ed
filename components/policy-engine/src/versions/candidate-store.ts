import type { PolicyBundle, PolicyCandidate } from '@countersign/contracts';
import { type Digest, digestOf, type PolicyCandidateId, type RecordId, type SimulationId } from '@countersign/kernel';
import { ask } from '@countersign/runtime';
import type pg from 'pg';
import type { Session } from './store.ts';

/** The recorded state of a candidate; readers check its expiry. */
export interface CandidateState {
  readonly id: PolicyCandidateId;
  readonly status: 'proposed' | 'approved' | 'rejected';
  readonly hash: Digest;
  readonly digest: Digest;
  readonly changeRequest: string;
  readonly reason: string;
  readonly baseVersion: number;
  readonly proposedBy: string;
  /** The acting chain of the proposal, current actor first. */
  readonly through: readonly string[];
  readonly proposedAt: Date;
  readonly expiresAt: Date;
  readonly decidedBy: string | null;
  readonly testsPassed: number;
  readonly untestedDigest: Digest;
  readonly simulationId: SimulationId;
  readonly simulationDigest: Digest;
  readonly decisions: number;
  readonly flips: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly recordId: RecordId;
}

export interface StoredCandidate extends CandidateState {
  readonly untested: readonly string[];
  readonly changeRecord: RecordId;
}

export type CandidateContent = Omit<StoredCandidate, 'untestedDigest' | 'recordId' | 'changeRecord'>;

const columns = `id, status, hash, digest, change_request as "changeRequest", reason, base_version as "baseVersion",
  proposed_by as "proposedBy", through, proposed_at as "proposedAt", expires_at as "expiresAt", decided_by as "decidedBy",
  tests_passed as "testsPassed", untested, simulation_id as "simulationId", simulation_digest as "simulationDigest",
  decisions, flips, skipped, record_id as "recordId", change_record as "changeRecord"`;

const stateColumns = `id, status, hash, digest, change_request, reason, base_version, proposed_by, proposed_at, expires_at, decided_by,
  tests_passed, simulation_id, simulation_digest, decisions, flips, skipped, through`;
/** In the order of the columns: $1 to $18. */
function stateValues(state: Omit<CandidateState, 'untestedDigest' | 'recordId'>): readonly unknown[] {
  const { id, status, hash, digest, changeRequest, reason, baseVersion, proposedBy, proposedAt, expiresAt } = state;
  const { decidedBy, testsPassed, simulationId, simulationDigest, decisions, flips, skipped, through } = state;
  return [
    ...[id, status, hash, digest, changeRequest, reason, baseVersion, proposedBy, proposedAt, expiresAt],
    ...[decidedBy, testsPassed, simulationId, simulationDigest, decisions, flips, JSON.stringify(skipped), through],
  ];
}
const parameters = Array.from({ length: 20 }, (_, place) => `$${place + 1}`).join(', ');

/** Stores a candidate before its record, which does not hold the bundle. The row does not count until the record exists. */
export async function keepCandidate(
  session: pg.PoolClient,
  candidate: CandidateContent & { readonly bundle: PolicyBundle },
): Promise<void> {
  await ask(session, `insert into policy_candidates (${stateColumns}, bundle, untested) values (${parameters})`, [
    ...[...stateValues(candidate), JSON.stringify(candidate.bundle), JSON.stringify(candidate.untested)],
  ]);
}

/** Updates the row to the recorded state. A missing row is not restored, because its bundle is lost. */
export async function putCandidate(
  session: pg.PoolClient,
  state: CandidateState,
  { record }: { readonly record: RecordId },
): Promise<void> {
  await ask(
    session,
    `update policy_candidates set (${stateColumns}, record_id, change_record) = (${parameters}) where id = $1`,
    [...stateValues(state), state.recordId, record],
  );
}

export async function findCandidate(session: Session, id: PolicyCandidateId): Promise<StoredCandidate | undefined> {
  return (await found(session, 'id = $1 and change_record is not null', [id]))[0];
}

/** Locks the candidate until the transaction ends, so that decisions about it are sequential. */
export async function lockCandidate(
  session: pg.PoolClient,
  id: PolicyCandidateId,
): Promise<StoredCandidate | undefined> {
  await ask(session, 'select id from policy_candidates where id = $1 for update', [id]);
  return findCandidate(session, id);
}

export async function bundleOfCandidate(session: Session, id: PolicyCandidateId): Promise<PolicyBundle | undefined> {
  const { rows } = await ask<{ bundle: PolicyBundle }>(session, 'select bundle from policy_candidates where id = $1', [
    id,
  ]);
  return rows[0]?.bundle;
}

/** Open candidates that somebody proposed, or that were proposed through them, up to a time. */
export async function openCandidatesOf(
  session: Session,
  proposer: string,
  before: Date,
): Promise<readonly PolicyCandidateId[]> {
  const { rows } = await ask<{ id: PolicyCandidateId }>(
    session,
    `select id from policy_candidates
      where status = 'proposed' and (proposed_by = $1 or $1 = any(through)) and proposed_at <= $2 order by id`,
    [proposer, before],
  );
  return rows.map(({ id }) => id);
}

/** Newest first. Includes rows that may not be recorded. */
export async function listCandidates(
  session: Session,
  filter: { readonly status: PolicyCandidate['status'] | undefined; readonly now: Date; readonly limit: number },
): Promise<readonly StoredCandidate[]> {
  return found(
    session,
    `($1::text is null or $1 = case when status = 'proposed' and expires_at <= $2 then 'expired' else status end)
      order by id desc limit $3`,
    [filter.status ?? null, filter.now, filter.limit],
  );
}

/** Removes old candidates, in slices. Approved ones remain as versions. */
export async function sweepCandidates(session: pg.PoolClient, removeBefore: Date): Promise<void> {
  await session.query(
    'delete from policy_candidates where id in (select id from policy_candidates where expires_at <= $1 limit 100)',
    [removeBefore],
  );
}

async function found(session: Session, where: string, values: readonly unknown[]): Promise<readonly StoredCandidate[]> {
  const { rows } = await ask<Omit<StoredCandidate, 'untestedDigest'>>(
    session,
    `select ${columns} from policy_candidates where ${where}`,
    values,
  );
  return rows.map((row) => ({ ...row, untestedDigest: digestOf([...row.untested]) }));
}
