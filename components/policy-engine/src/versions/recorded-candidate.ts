import type { RecordedKind } from '@countersign/commands';
import type { Clock, Digest, Json, PolicyCandidateId, RecordId, SimulationId } from '@countersign/kernel';
import {
  type CandidateState,
  findCandidate,
  lockCandidate,
  putCandidate,
  type StoredCandidate,
} from './candidate-store.ts';

// The recorded content of a candidate, which rows are compared with (docs/adr/0043, 0057).

export type CandidateKind = RecordedKind<PolicyCandidateId, CandidateState, StoredCandidate>;

/** How long a candidate stays readable after its end. */
export const keptMs = 90 * 24 * 3_600_000;

export function createCandidateKind(clock: Clock): CandidateKind {
  return {
    kind: 'policy-candidate',
    find: findCandidate,
    lock: lockCandidate,
    recordOf: ({ changeRecord }) => changeRecord,
    content: contentOf,
    stateOf,
    forgets: ({ expiresAt }) => expiresAt.getTime() + keptMs <= clock.now(),
    put: putCandidate,
  };
}

interface Content {
  readonly status: CandidateState['status'];
  readonly hash: Digest;
  readonly digest: Digest;
  readonly change_request: string;
  readonly reason: string;
  readonly base_version: number;
  readonly proposed_by: string;
  readonly through: readonly string[];
  readonly proposed_at: number;
  readonly expires_at: number;
  readonly decided_by: string | null;
  readonly tests: { readonly passed: number; readonly untested: Digest };
  readonly simulation: {
    readonly id: SimulationId;
    readonly digest: Digest;
    readonly decisions: number;
    readonly flips: number;
    readonly skipped: Readonly<Record<string, number>>;
  };
  readonly record: RecordId;
}

function contentOf(state: CandidateState): Json {
  const content: Content = {
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
  return content as unknown as Json;
}

/** @param carried the content in our own record */
function stateOf(carried: Json, id: PolicyCandidateId): CandidateState {
  const content = carried as unknown as Content;
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
