import { type Digest, errorVocabulary, type Json, type RecordId } from '@countersign/kernel';
import type { Actor } from './audit-log.ts';
import type { DecisionHistory } from './decision-history.ts';
import type { Decision, DecisionInput, DecisionReason } from './decisions.ts';
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

export const policyErrors = errorVocabulary({
  /** A bundle that cannot be read, parsed, validated or compiled; every `problems` in the facts. */
  policy_invalid: 'invalid',
  policy_too_large: 'too-large',
  /** Its own tests fail; the facts name each. */
  policy_tests_failed: 'invalid',
  /** Nobody has simulated exactly this bundle against the active version within a day. */
  policy_not_simulated: 'conflict',
  policy_unchanged: 'conflict',
  /** By it, whoever puts it into force could not take it back. */
  policy_locks_out: 'conflict',
  candidate_not_found: 'not-found',
  /** Approved, rejected or expired already. */
  candidate_decided: 'conflict',
  /** The active version is no longer the one it was simulated against: simulate and propose again. */
  candidate_outdated: 'conflict',
  /** Proposer and approver are one. */
  candidate_self_approval: 'forbidden',
  /** Who proposed it has left, moved, or may no longer propose it: it has ended. */
  candidate_proposer_gone: 'conflict',
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
  /** As many bundles as may wait to be read are waiting. */
  bundles_waiting: 'unavailable',
  record_without_decision: 'invalid',
  decision_not_found: 'not-found',
  limit_exceeded: 'forbidden',
  limit_currency: 'conflict',
  limit_amount: 'invalid',
  reservation_conflict: 'conflict',
});

/** An answer of the AuthZEN door: decided, and recorded before it was returned. */
export type RecordedAnswer = Decision & {
  readonly recordId: RecordId;
  /** Those of {@link Decision.determining} with their texts, looked up when they are read: for who may read the policies. */
  readonly policies: PolicyVersion['policies'];
};

/** AuthZEN 1.0 section 7.1.2.1. */
export const evaluationsSemantics = ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'] as const;
export type EvaluationsSemantic = (typeof evaluationsSemantics)[number];

/**
 * One of several that could not be decided about: it lacks something, or says something that cannot be read. It stands
 * for a deny (AuthZEN 1.0 section 7.2.1) and is not recorded.
 */
export interface RefusedEvaluation {
  readonly decision: false;
  readonly refused: DecisionReason;
}

export interface EvaluationsRequest {
  /** Defaults applied already; what was refused before it came here keeps its place. */
  readonly evaluations: readonly (EvaluationRequest | RefusedEvaluation)[];
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
  evaluations(request: EvaluationsRequest, caller: Actor): Promise<readonly (RecordedAnswer | RefusedEvaluation)[]>;
  /** What would be permitted, a page at a time. One record a page. */
  search(request: SearchRequest, caller: Actor): Promise<SearchAnswer>;
  /**
   * A decision that the caller must put into its own record (`openDecision`, `protectedDecision`) before acting on it. Fails closed:
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
