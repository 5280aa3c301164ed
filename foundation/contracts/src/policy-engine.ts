import {
  type DecisionId,
  type Digest,
  errorVocabulary,
  type Json,
  type RecordId,
  type TransactionId,
} from '@countersign/kernel';
import type { Actor } from './audit-log.ts';
import type { DecisionHistory } from './decision-history.ts';
import type { Limits } from './limits.ts';
import type { PolicyVersion, PolicyVersions } from './policy-versions.ts';

/** AuthZEN 1.0 section 5: who asks to do what to which thing, in which circumstances. */
export interface EvaluationRequest {
  readonly subject: {
    readonly type: string;
    readonly id: string;
    readonly properties?: Readonly<Record<string, Json>>;
  };
  readonly action: { readonly name: string; readonly properties?: Readonly<Record<string, Json>> };
  readonly resource: {
    readonly type: string;
    readonly id: string;
    readonly properties?: Readonly<Record<string, Json>>;
  };
  readonly context?: Readonly<Record<string, Json>>;
}

/** What must happen first for the answer to become yes. */
export type Obligation =
  | {
      readonly kind: 'approval';
      /** Role that the approver must hold, at the initiator's institution. */
      readonly role: string;
      /** How many more are needed, by different people. */
      readonly count: number;
      /** Whom to turn to when nobody answers, in order; empty where the policy names nobody. */
      readonly escalation: readonly { readonly role: string; readonly afterSeconds: number }[];
    }
  | {
      readonly kind: 'step-up';
      /** Authentication context class that the person must reach. */
      readonly acr: string;
      /** How old the sign-in may be at most, where the policy says so. */
      readonly maxAgeSeconds?: number;
    };

/** Why not, for whoever asked: a code, and words they can act on. */
export interface DecisionReason {
  readonly code: string;
  readonly detail: string;
}

export interface Decision {
  readonly id: DecisionId;
  readonly decision: boolean;
  readonly policyVersion: number;
  readonly policyHash: Digest;
  /** Ids of the policies that decided, sorted. Empty for a default deny. */
  readonly determining: readonly string[];
  /** Policies that failed to evaluate; a failing forbid denies. */
  readonly errors: readonly { readonly policyId: string; readonly message: string }[];
  /** Why not; empty when permitted. */
  readonly reasons: readonly DecisionReason[];
  /**
   * The fewest things that would make the answer yes, all of them together: that they would has been tried. Empty when
   * permitted, and where nothing that can be asked of a person would help.
   */
  readonly obligations: readonly Obligation[];
  /** The longest life that the determining policies allow a token, where one of them says so. */
  readonly tokenLifetimeSeconds?: number;
  /** Version of the directory snapshot that was read. */
  readonly entityVersion: number;
  /** Digest of {@link input}. */
  readonly inputDigest: Digest;
  /** Everything the decision was made from, see `DecisionDocument`; what of the directory was read is named by digest. */
  readonly input: Json;
  /** Record of the publication of the policies used. */
  readonly policyRecord: RecordId;
}

/** What the policy engine may know of a transaction; read by it, never sent by the caller. */
export interface TransactionFacts {
  readonly id: TransactionId;
  readonly state: string;
  readonly version: number;
  readonly intentType: string;
  readonly intent: Readonly<Record<string, Json>>;
  readonly intentDigest: Digest;
  /** The person, service or agent that began it. */
  readonly initiator: string;
  readonly initiatorInstitution: string;
  readonly mandate: { readonly id: string; readonly version: number };
  /** Approvals that stand now: given for this digest, not expired, not withdrawn. */
  readonly approvals: readonly { readonly approver: string; readonly role: string; readonly institution: string }[];
  /** Whether what it sends goes where its institution has sent before. Left out where nobody knows: then it is new. */
  readonly destinationKnown?: boolean;
}

/** Asked in process by those who already hold the facts; see {@link PolicyEngine.decide}. */
export interface DecisionInput {
  readonly principal: string;
  /** A scope of the vocabulary, e.g. `order:create`, or `token:issue`. */
  readonly action: string;
  readonly resource:
    | { readonly type: 'transaction'; readonly facts: TransactionFacts }
    | { readonly type: 'resource'; readonly uri: string };
  readonly context: {
    readonly client: string;
    readonly institution: string;
    /** Milliseconds since the epoch. */
    readonly at: number;
    readonly scopes: readonly string[];
    readonly audience: string;
    readonly actorDepth: number;
    readonly mandateStands: boolean;
    readonly acr?: string;
    /** Seconds since the epoch at which the person signed in. */
    readonly authTime?: number;
    readonly algo?: { readonly modelId: string; readonly version: string; readonly artifactSha256: string };
    /** The partner that vouches for the person, and the claims its assertion had. */
    readonly partner?: { readonly institution: string; readonly claims: readonly string[] };
    /** Id of the device that the person acts from. */
    readonly device?: string;
    /** Names of risk signals that stand, e.g. `impossible-travel`. */
    readonly signals?: readonly string[];
  };
  /** Do not answer by anything older. */
  readonly atLeast?: AtLeast;
}

export interface AtLeast {
  readonly policyVersion?: number;
  readonly entityVersion?: number;
}

export const policyErrors = errorVocabulary({
  /** A bundle that cannot be read, parsed, validated or compiled; every `problems` in the facts. */
  policy_invalid: 'invalid',
  policy_too_large: 'too-large',
  /** Its own tests fail; the facts name each. */
  policy_tests_failed: 'invalid',
  /** Nobody has simulated exactly this bundle against the active version within a day. */
  policy_not_simulated: 'conflict',
  policy_unchanged: 'conflict',
  candidate_not_found: 'not-found',
  /** Approved, rejected or expired already. */
  candidate_decided: 'conflict',
  /** The active version is no longer the one it was simulated against: simulate and propose again. */
  candidate_outdated: 'conflict',
  /** Proposer and approver are one. */
  candidate_self_approval: 'forbidden',
  candidate_digest: 'conflict',
  version_not_found: 'not-found',
  nothing_to_roll_back: 'conflict',
  /** The stored bundle is not the one that was signed. */
  bundle_signature: 'unavailable',
  /** No version as new as asked for could be had in time. */
  policy_behind: 'unavailable',
  evaluation_invalid: 'invalid',
  search_not_supported: 'invalid',
  page_token_invalid: 'invalid',
  policy_not_loaded: 'unavailable',
  decision_timed_out: 'unavailable',
  simulation_not_found: 'not-found',
  /** As many simulations as may run at once are running. */
  simulation_busy: 'unavailable',
  record_without_decision: 'invalid',
  decision_not_found: 'not-found',
  limit_exceeded: 'forbidden',
  limit_currency: 'conflict',
  limit_amount: 'invalid',
  reservation_conflict: 'conflict',
});

/** An answer of the AuthZEN door: decided, and recorded before it was returned. */
export type RecordedAnswer = Decision & { readonly recordId: RecordId };

/** AuthZEN 1.0 section 7.1.2.1. */
export const evaluationsSemantics = ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'] as const;
export type EvaluationsSemantic = (typeof evaluationsSemantics)[number];

export interface EvaluationsRequest {
  /** Defaults applied already. */
  readonly evaluations: readonly EvaluationRequest[];
  readonly semantic: EvaluationsSemantic;
}

/** AuthZEN 1.0 section 8: one of the three is left open. */
export type SearchRequest =
  | (Pick<EvaluationRequest, 'action' | 'resource' | 'context'> & {
      readonly kind: 'subject';
      readonly subject: { readonly type: string };
    } & SearchPage)
  | (Pick<EvaluationRequest, 'subject' | 'action' | 'context'> & {
      readonly kind: 'resource';
      readonly resource: { readonly type: string };
    } & SearchPage)
  | (Pick<EvaluationRequest, 'subject' | 'resource' | 'context'> & { readonly kind: 'action' } & SearchPage);

export interface SearchPage {
  readonly page?: { readonly token?: string; readonly limit?: number };
}

export interface SearchAnswer {
  readonly results: readonly ({ readonly type: string; readonly id: string } | { readonly name: string })[];
  /** Empty when there is no more. */
  readonly nextToken: string;
  readonly policyVersion: number;
  readonly policyHash: Digest;
  readonly entityVersion: number;
  readonly recordId: RecordId;
}

export interface PolicyEngine {
  /**
   * AuthZEN evaluation for an outside enforcement point. The decision is recorded before it is returned.
   *
   * @throws CodedError `evaluation_invalid`; `policy_behind`; whatever keeps it from being recorded
   */
  evaluate(request: EvaluationRequest, caller: Actor): Promise<RecordedAnswer>;
  /** Several at once, each recorded; as many as the semantic lets be decided, in their order. */
  evaluations(request: EvaluationsRequest, caller: Actor): Promise<readonly RecordedAnswer[]>;
  /** What would be permitted, a page at a time. One record a page. */
  search(request: SearchRequest, caller: Actor): Promise<SearchAnswer>;
  /**
   * A decision that the caller must put into its own record (`recordedDecision`) before acting on it. Fails closed:
   * never throws for a policy's fault.
   *
   * @throws CodedError `policy_behind` when `atLeast` cannot be had in time
   */
  decide(input: DecisionInput): Promise<Decision>;
  active(): PolicyVersion;
  readonly limits: Limits;
  readonly versions: PolicyVersions;
  readonly history: DecisionHistory;
}
