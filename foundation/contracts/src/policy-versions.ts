import type { Digest, Json, PolicyCandidateId, RecordId, SimulationId } from '@countersign/kernel';
import type { Actor } from './audit-log.ts';
import type { Requester } from './requester.ts';

/** A folder of policies as text: the unit that is hashed, signed, tested, simulated and published. */
export interface PolicyBundle {
  readonly schema: string;
  /** Cedar policies by file name, in the order of the names. */
  readonly policies: readonly { readonly file: string; readonly text: string }[];
  /** Reference data that policies use and the directory does not contain: regions, product classes. Cedar entities. */
  readonly entities: readonly Json[];
  readonly limits: readonly Json[];
  /** Prudential exchange rates for limits in another currency, e.g. `"USD/EUR": "0.93"`. */
  readonly rates: Readonly<Record<string, string>>;
  readonly tests: readonly { readonly file: string; readonly content: Json }[];
  /** Application models, ordered by namespace. Leaving this out is the same as an empty list. */
  readonly applications?: readonly ApplicationModel[];
}

/**
 * An application's model for the decision point: types and actions in its own Cedar namespace, rules, and data. It decides
 * AuthZEN questions about its own types only, never about the market.
 */
export interface ApplicationModel {
  /** The Cedar namespace of all its types and actions, and the name of the model. */
  readonly namespace: string;
  /** By the type names that AuthZEN questions use. */
  readonly types: Readonly<Record<string, ApplicationType>>;
  /** Ids of clients that may ask about the model, and of clients that may write its entities. */
  readonly clients: { readonly ask: readonly string[]; readonly write: readonly string[] };
  readonly schema: string;
  /** As in {@link PolicyBundle}. */
  readonly policies: PolicyBundle['policies'];
  /** Cedar entities that change only with the bundle. */
  readonly entities: readonly Json[];
  readonly tests: PolicyBundle['tests'];
  /** Types of authorization details (RFC 9396) for tokens of the application. */
  readonly authorizationDetails?: readonly DeclaredDetailType[];
}

/** A type of authorization details as an application model declares it. */
export interface DeclaredDetailType {
  /** An https URI. */
  readonly type: string;
  /** URI of the only registered interface for which tokens with this type are issued. */
  readonly audience: string;
  /** JSON Schema of its members beside `type` and `locations`: a closed object of bounded size. */
  readonly schema: Json;
  /**
   * How a detail is shown to a person. Without it, people cannot consent to this type, and clients can only request it in their
   * own name.
   */
  readonly rendering?: DetailRendering;
}

/** How the members of an authorization detail are shown on a page. Every member that can hold a value has a line. */
export interface DetailRendering {
  readonly title: string;
  /** In display order. */
  readonly lines: readonly {
    /** JSON pointer (RFC 6901) into the detail; `*` stands for each item of a list of objects or lists. */
    readonly pointer: string;
    readonly label: string;
    /** Display text for each value of an `enum`, or for `true` and `false`. */
    readonly words?: Readonly<Record<string, string>>;
  }[];
}

export interface ApplicationType {
  /** Entity type in the model, without its namespace. */
  readonly entity: string;
  /** Attributes that a question may supply in `properties`; they replace stored ones. */
  readonly properties?: readonly string[];
  /** Questions may concern entities that are not stored. */
  readonly open?: true;
}

export interface PolicyTestReport {
  readonly passed: number;
  readonly failed: number;
  /** Failing tests first. */
  readonly tests: readonly {
    readonly file: string;
    readonly name: string;
    readonly ok: boolean;
    /** Descriptions of the differences between expected and actual result; empty when the test passed. */
    readonly differences: readonly string[];
  }[];
  /** Ids of policies that were not determining in any test. */
  readonly untested: readonly string[];
}

/** A version that is or was active. */
export interface PolicyVersion {
  /** Increases with every activation, including roll-backs. */
  readonly version: number;
  /** Digest of the whole bundle without its tests. */
  readonly hash: Digest;
  readonly publishedAt: string;
  /** The record of its activation, which contains the texts. */
  readonly recordId: RecordId;
  readonly changeRequest: string;
  readonly proposedBy: string;
  /** Absent for the first version of an installation, which is part of the release. */
  readonly approvedBy?: string;
  /** The version whose bundle this activation restored. */
  readonly rolledBackTo?: number;
  readonly policies: readonly { readonly id: string; readonly effect: 'permit' | 'forbid'; readonly text: string }[];
  readonly signature: { readonly kid: string; readonly algorithm: string; readonly value: string };
}

export interface PolicyCandidate {
  readonly id: PolicyCandidateId;
  readonly status: 'proposed' | 'approved' | 'rejected' | 'expired';
  readonly hash: Digest;
  /** Digest over bundle, tests, simulation, change request and base version. The approver names it. */
  readonly digest: Digest;
  readonly changeRequest: string;
  readonly reason: string;
  readonly baseVersion: number;
  readonly proposedBy: string;
  readonly proposedAt: string;
  readonly expiresAt: string;
  readonly decidedBy?: string;
  readonly tests: { readonly passed: number; readonly untested: readonly string[] };
  readonly simulation: {
    readonly id: SimulationId;
    readonly decisions: number;
    readonly flips: number;
    /** Recorded decisions that could not be simulated, by missing input; see `SimulationReport`. */
    readonly skipped: Readonly<Record<string, number>>;
  };
}

/** Dual control of policies: one person proposes a tested and simulated bundle, another approves exactly that bundle. */
export interface PolicyVersions {
  /**
   * @throws CodedError `policy_invalid`, `policy_tests_failed`, `policy_not_simulated`, `policy_unchanged`; each
   *   refusal is recorded
   */
  propose(
    bundle: PolicyBundle,
    about: { readonly changeRequest: string; readonly reason: string; readonly simulation: SimulationId },
    by: Requester,
  ): Promise<PolicyCandidate>;
  /**
   * Activates the candidate on every node. Its texts and signature are recorded before it takes effect.
   *
   * @param by another person than the proposer, with no common principal in their acting chains
   * @throws CodedError `candidate_not_found`, `candidate_self_approval`, `candidate_not_independent`, `candidate_proposer_gone`,
   * `candidate_digest`, `candidate_decided`, `candidate_outdated`
   */
  approve(id: PolicyCandidateId, digest: Digest, by: Requester): Promise<PolicyVersion>;
  reject(id: PolicyCandidateId, by: Requester, reason: string): Promise<PolicyCandidate>;
  /**
   * Ends a departed person's undecided proposals, made directly or through others before a time (milliseconds since the epoch).
   *
   * @returns how many this call ended, each recorded as `policy.rejected`
   */
  endProposalsOf(
    proposer: string,
    ended: { readonly before: number; readonly by: Actor; readonly reason: string },
  ): Promise<number>;
  /**
   * Restores the previously active bundle. Only one step back, and only within a day of the publication.
   *
   * @throws CodedError `nothing_to_roll_back`, `roll_back_too_late`
   */
  rollBack(about: { readonly changeRequest: string; readonly reason: string }, by: Requester): Promise<PolicyVersion>;
  candidates(filter?: { readonly status?: PolicyCandidate['status'] }): Promise<readonly PolicyCandidate[]>;
  candidate(id: PolicyCandidateId): Promise<{ readonly candidate: PolicyCandidate; readonly bundle: PolicyBundle }>;
  /** Newest first, at most 100. */
  list(): Promise<readonly PolicyVersion[]>;
  /** @throws CodedError `version_not_found` */
  version(version: number): Promise<PolicyVersion>;
  /**
   * The stored bundle of a version. A caller that decides with it must compare its hash with the one in the decision.
   *
   * @throws CodedError `version_not_found`
   */
  bundle(version: number): Promise<PolicyBundle>;
}
