import type { Digest, Json, PolicyCandidateId, RecordId, SimulationId } from '@countersign/kernel';
import type { Actor } from './audit-log.ts';
import type { Requester } from './requester.ts';

/** A folder of policies as text, as it travels: what is hashed, signed, tested, simulated and published. */
export interface PolicyBundle {
  /** Cedar schema. */
  readonly schema: string;
  /** Cedar policies by file name, in the order of the names. */
  readonly policies: readonly { readonly file: string; readonly text: string }[];
  /** Reference data that the policies speak of and the directory does not have: regions, product classes. Cedar entities. */
  readonly entities: readonly Json[];
  /** Limit definitions. */
  readonly limits: readonly Json[];
  /** Prudential rates into each limit's currency, `"USD/EUR": "0.93"`. */
  readonly rates: Readonly<Record<string, string>>;
  readonly tests: readonly { readonly file: string; readonly content: Json }[];
  /** Models of applications, in the order of their namespaces. None is the same as an empty list. */
  readonly applications?: readonly ApplicationModel[];
}

/**
 * What the decision point knows of an application: types and actions in a Cedar namespace of their own, rules, and data.
 * It answers AuthZEN questions about its own types, and none about the market.
 */
export interface ApplicationModel {
  /** The Cedar namespace of all its types and actions, and the name of the model. */
  readonly namespace: string;
  /** By the names that AuthZEN questions use for them. */
  readonly types: Readonly<Record<string, ApplicationType>>;
  /** Ids of clients: who may ask about it, and who may write its entities over the interface. */
  readonly clients: { readonly ask: readonly string[]; readonly write: readonly string[] };
  /** Cedar schema. */
  readonly schema: string;
  /** As those of {@link PolicyBundle}. */
  readonly policies: PolicyBundle['policies'];
  /** Cedar entities that change with the bundle alone. */
  readonly entities: readonly Json[];
  readonly tests: PolicyBundle['tests'];
  /** Types of authorization details (RFC 9396) that tokens for the application can be asked for with. */
  readonly authorizationDetails?: readonly DeclaredDetailType[];
}

/** A type of authorization details as the model of an application declares it. */
export interface DeclaredDetailType {
  /** An https URI. */
  readonly type: string;
  /** URI of the one registered interface that tokens with it are for. */
  readonly audience: string;
  /** JSON Schema of its members beside `type` and `locations`: a closed object of bounded size. */
  readonly schema: Json;
  /** How a person is shown one. Without it nobody is asked: clients ask in their own name. */
  readonly rendering?: DetailRendering;
}

/** How the members of an authorization detail read on a page. Every one that can hold a value has a line. */
export interface DetailRendering {
  readonly title: string;
  /** In the order in which they are shown. */
  readonly lines: readonly {
    /** JSON pointer (RFC 6901) into the detail; `*` stands for each item of a list of objects or lists. */
    readonly pointer: string;
    readonly label: string;
    /** For each value of an `enum`, or for `true` and `false`. */
    readonly words?: Readonly<Record<string, string>>;
  }[];
}

export interface ApplicationType {
  /** Entity type of the model, without its namespace. */
  readonly entity: string;
  /** Attributes that a question may state in `properties`; they take the place of stored ones. */
  readonly properties?: readonly string[];
  /** A question may be about one that is not stored. */
  readonly open?: true;
}

/** What a bundle's tests found. */
export interface PolicyTestReport {
  readonly passed: number;
  readonly failed: number;
  /** The failing ones first. */
  readonly tests: readonly {
    readonly file: string;
    readonly name: string;
    readonly ok: boolean;
    /** What was expected and what came, in words; empty when it passed. */
    readonly differences: readonly string[];
  }[];
  /** Ids of policies that determined no decision of any test. */
  readonly untested: readonly string[];
}

/** A version that is, or was, active. */
export interface PolicyVersion {
  /** Counts every activation, a roll-back too: never goes back. */
  readonly version: number;
  /** Of the whole bundle, without its tests. */
  readonly hash: Digest;
  readonly publishedAt: string;
  /** The record of its activation, which holds the texts. */
  readonly recordId: RecordId;
  readonly changeRequest: string;
  readonly proposedBy: string;
  /** Absent for the first version of an installation, which came with the release. */
  readonly approvedBy?: string;
  /** The version whose bundle this activation brought back. */
  readonly rolledBackTo?: number;
  readonly policies: readonly { readonly id: string; readonly effect: 'permit' | 'forbid'; readonly text: string }[];
  readonly signature: { readonly kid: string; readonly algorithm: string; readonly value: string };
}

export interface PolicyCandidate {
  readonly id: PolicyCandidateId;
  readonly status: 'proposed' | 'approved' | 'rejected' | 'expired';
  /** Of the bundle. */
  readonly hash: Digest;
  /** Over bundle, tests, simulation, change request and base version: what the approver names. */
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
    /** Recorded decisions that it could not judge, by what was missing; see `SimulationReport`. */
    readonly skipped: Readonly<Record<string, number>>;
  };
}

/** How policies change: one proposes what has been tested and simulated, another approves exactly that. */
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
   * Makes it the active version, on every node. Recorded, with its texts and signature, before it takes effect.
   *
   * @param by somebody else than the proposer, and through nobody through whom that did
   * @throws CodedError `candidate_not_found`, `candidate_self_approval`, `candidate_not_independent`, `candidate_proposer_gone`,
   *   `candidate_digest`, `candidate_decided`, `candidate_outdated`
   */
  approve(id: PolicyCandidateId, digest: Digest, by: Requester): Promise<PolicyVersion>;
  reject(id: PolicyCandidateId, by: Requester, reason: string): Promise<PolicyCandidate>;
  /**
   * Ends what somebody proposed, or had proposed through them, until a moment (milliseconds since the epoch) and nobody has
   * decided: they are gone.
   *
   * @returns how many this call ended, each recorded as `policy.rejected`
   */
  endProposalsOf(
    proposer: string,
    ended: { readonly before: number; readonly by: Actor; readonly reason: string },
  ): Promise<number>;
  /**
   * One step back, to the bundle that was active before this one; not further, and within a day of its publication.
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
   * What is stored of a version; whoever decides by it compares its hash with the one that the decision names.
   *
   * @throws CodedError `version_not_found`
   */
  bundle(version: number): Promise<PolicyBundle>;
}
