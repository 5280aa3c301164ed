import { type DualControl, type RecordedKind, statusAt, type WaitingProposal } from '@countersign/commands';
import { type PolicyBundle, type PolicyCandidate, peopleOf, policyErrors } from '@countersign/contracts';
import {
  type Clock,
  type CodedError,
  type Digest,
  digestOf,
  type Json,
  type PolicyCandidateId,
  plainJson,
  type SimulationId,
} from '@countersign/kernel';
import { testsOf } from '../bundle/parts.ts';
import {
  type CandidateContent,
  type CandidateState,
  findCandidate,
  lockCandidate,
  putCandidate,
  type StoredCandidate,
} from './candidate-store.ts';

export type CandidateKind = RecordedKind<PolicyCandidateId, CandidateState, StoredCandidate>;

/** How long a candidate stays readable after its end. */
export const keptMs = 90 * 24 * 3_600_000;

export function createCandidateKind(clock: Clock): CandidateKind {
  return {
    kind: 'policy-candidate',
    find: findCandidate,
    lock: lockCandidate,
    recordOf: ({ changeRecord }) => changeRecord,
    content: (state) => plainJson(contentOf(state)),
    stateOf,
    forgets: ({ expiresAt }) => expiresAt.getTime() + keptMs <= clock.now(),
    put: putCandidate,
  };
}

function contentOf(state: CandidateState) {
  return {
    status: state.status,
    hash: state.hash,
    digest: state.digest,
    change_request: state.changeRequest,
    reason: state.reason,
    base_version: state.baseVersion,
    proposed_by: state.proposedBy,
    through: [...state.through],
    proposed_at: state.proposedAt.getTime(),
    expires_at: state.expiresAt.getTime(),
    decided_by: state.decidedBy,
    tests: { passed: state.testsPassed, untested: state.untestedDigest },
    simulation: {
      id: state.simulationId,
      digest: state.simulationDigest,
      decisions: state.decisions,
      flips: state.flips,
      skipped: state.skipped,
    },
    record: state.recordId,
  };
}

/** @param carried the content in our own record */
function stateOf(carried: Json, id: PolicyCandidateId): CandidateState {
  // The digest of the record covers the content, and only `contentOf` writes it.
  const content = carried as unknown as ReturnType<typeof contentOf>;
  return {
    id,
    status: content.status,
    hash: content.hash,
    digest: content.digest,
    changeRequest: content.change_request,
    reason: content.reason,
    baseVersion: content.base_version,
    proposedBy: content.proposed_by,
    through: content.through,
    proposedAt: new Date(content.proposed_at),
    expiresAt: new Date(content.expires_at),
    decidedBy: content.decided_by,
    testsPassed: content.tests.passed,
    untestedDigest: content.tests.untested,
    simulationId: content.simulation.id,
    simulationDigest: content.simulation.digest,
    decisions: content.simulation.decisions,
    flips: content.simulation.flips,
    skipped: content.simulation.skipped,
    recordId: content.record,
  };
}

export function statusOf(
  { status, expiresAt }: Pick<StoredCandidate, 'status' | 'expiresAt'>,
  now: number,
): PolicyCandidate['status'] {
  return statusAt(status, expiresAt.getTime(), now);
}

export function shownCandidate(stored: CandidateContent, now: number): PolicyCandidate {
  const { id, hash, digest, changeRequest, reason, baseVersion, proposedBy, decidedBy } = stored;
  return {
    id,
    status: statusOf(stored, now),
    hash,
    digest,
    changeRequest,
    reason,
    baseVersion,
    proposedBy,
    proposedAt: stored.proposedAt.toISOString(),
    expiresAt: stored.expiresAt.toISOString(),
    ...(decidedBy === null ? {} : { decidedBy }),
    tests: { passed: stored.testsPassed, untested: stored.untested },
    simulation: {
      id: stored.simulationId,
      decisions: stored.decisions,
      flips: stored.flips,
      skipped: stored.skipped,
    },
  };
}

function proposersOf({ proposedBy, through }: Pick<StoredCandidate, 'proposedBy' | 'through'>): readonly string[] {
  return peopleOf({ id: proposedBy, through });
}

/** Digest over everything that an approver approves. */
export function digestOfCandidate(
  candidate: Pick<StoredCandidate, 'changeRequest' | 'reason' | 'baseVersion' | 'proposedBy'> & {
    readonly hash: Digest;
    readonly bundle: Pick<PolicyBundle, 'tests' | 'applications'>;
    readonly simulationId: SimulationId;
    readonly simulationDigest: Digest;
  },
): Digest {
  return digestOf({
    v: 1,
    hash: candidate.hash,
    tests: digestOf(testsOf(candidate.bundle)),
    change_request: candidate.changeRequest,
    reason: candidate.reason,
    base_version: candidate.baseVersion,
    proposed_by: candidate.proposedBy,
    simulation: { id: candidate.simulationId, digest: candidate.simulationDigest },
  });
}

export function candidateNotFound(): CodedError {
  return policyErrors.error('candidate_not_found', 'There is no proposed bundle with this id.');
}

/** Dual control: a bundle comes into force when a person other than its proposer approves it. */
export const candidateApproval = {
  what: 'candidate',
  approves: 'digest',
  waitsMs: 24 * 3_600_000,
  quorum: 1,
  proposer: 'keeps-right',
  separates: { scopes: [['policy:propose'], ['policy:approve']] },
  codes: {
    settled: 'candidate_decided',
    expired: 'candidate_decided',
    self: 'candidate_self_approval',
    digest: 'candidate_digest',
    dependent: 'candidate_not_independent',
    gone: 'candidate_proposer_gone',
  },
  error: policyErrors.error,
} as const satisfies DualControl<keyof typeof policyErrors.codes>;

export function waiting(candidate: CandidateState): WaitingProposal {
  const { proposedAt, expiresAt, status, digest } = candidate;
  return {
    people: proposersOf(candidate),
    scope: 'policy:propose',
    proposedAt: proposedAt.getTime(),
    expiresAt: expiresAt.getTime(),
    decided: status === 'proposed' ? undefined : status,
    digest,
  };
}
