import { type Digest, errorVocabulary, type Json, type RecordId } from '@countersign/kernel';
import type { Actor } from './audit-log.ts';
import type { DecisionHistory } from './decision-history.ts';
import type { Decision, DecisionInput, DecisionReason } from './decisions.ts';
import type { Limits } from './limits.ts';
import type { ApplicationModel, PolicyVersion, PolicyVersions } from './policy-versions.ts';

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
  /** Proposer and approver: one of them invited the other to enrol a key. */
  candidate_not_independent: 'forbidden',
  /** Who proposed it has left, moved, or may no longer propose it: it has ended. */
  candidate_proposer_gone: 'conflict',
  candidate_digest: 'conflict',
  version_not_found: 'not-found',
  nothing_to_roll_back: 'conflict',
  /** One person takes a version back within a day of its publication; later it takes two. */
  roll_back_too_late: 'conflict',
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
  /** No model of this namespace, or none that this client may write to. */
  application_not_found: 'not-found',
  application_entity_not_found: 'not-found',
  /** Not as the schema of its model says, or larger than an entity may be. */
  application_entity_invalid: 'invalid',
  /** It came with the signed bundle, which alone may change it. */
  application_entity_governed: 'conflict',
  application_entities_full: 'conflict',
  limit_exceeded: 'forbidden',
  limit_currency: 'conflict',
  limit_amount: 'invalid',
  reservation_conflict: 'conflict',
});

/** An answer of the AuthZEN door: decided, and recorded before it was returned. */
export type RecordedAnswer = Decision & {
  readonly recordId: RecordId;
  /** Of {@link Decision.inputText}. */
  readonly input: Json;
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

/** Who asks from outside. */
export interface EvaluationCaller extends Actor {
  /** The client of the token: models of applications name those who may ask about them. */
  readonly client?: string;
}

/** An entity of the model of an application, in Cedar's JSON form. */
export interface ApplicationEntity {
  readonly uid: { readonly type: string; readonly id: string };
  readonly attrs: Readonly<Record<string, Json>>;
  readonly parents: readonly { readonly type: string; readonly id: string }[];
}

/** Names an entity: its type without the namespace. */
export interface ApplicationEntityAddress {
  readonly namespace: string;
  readonly type: string;
  readonly id: string;
}

/** What was changed: the version of the model's entities since, and the record of the change. */
export interface ApplicationEntityChange {
  readonly version: number;
  readonly recordId: RecordId;
}

/**
 * Entities of the models of applications that change with the application, and not with the policies. A model names the
 * clients that may write them; refusals are recorded. At most 10,000 of a model, 16,384 characters each.
 */
export interface ApplicationEntities {
  /**
   * Recorded before it is written; read by decisions of this node once it is answered, by others within two seconds.
   *
   * @throws CodedError `application_not_found`; `application_entity_invalid`; `application_entity_governed`;
   *   `application_entities_full`
   */
  put(
    address: ApplicationEntityAddress,
    entity: Omit<ApplicationEntity, 'uid'>,
    by: EvaluationCaller,
  ): Promise<ApplicationEntityChange>;
  /** @throws CodedError `application_not_found`; `application_entity_not_found` */
  remove(address: ApplicationEntityAddress, by: EvaluationCaller): Promise<ApplicationEntityChange>;
  /** @throws CodedError `application_not_found`; `application_entity_not_found` */
  find(address: ApplicationEntityAddress, by: EvaluationCaller): Promise<ApplicationEntity>;
  /**
   * A hundred at most, by type and id.
   *
   * @returns `next`: to go on with, as `after`, where there are more
   * @throws CodedError `application_not_found`
   */
  list(
    namespace: string,
    page: { readonly after?: string; readonly by: EvaluationCaller },
  ): Promise<{ readonly version: number; readonly entities: readonly ApplicationEntity[]; readonly next?: string }>;
}

/** A type of authorization details (RFC 9396) of an application. */
export interface ApplicationDetailType {
  /** URI of the one interface that tokens with it are for. */
  readonly audience: string;
  /** What is wrong with the members of a detail, `type` and `locations` left out; undefined where nothing is. */
  problemWith(
    members: Readonly<Record<string, Json>>,
  ): { readonly path: string; readonly problem: string; readonly detail: string } | undefined;
  /** What a person is shown of the members of one; absent where the type is not for people. */
  describe?(members: Readonly<Record<string, Json>>): DescribedDetail;
}

/** An authorization detail as a person reads it. */
export interface DescribedDetail {
  readonly title: string;
  readonly lines: readonly { readonly label: string; readonly value: string }[];
}

/** Models of applications, as far as they declare types of authorization details. */
export type DeclaringModel = Pick<ApplicationModel, 'namespace' | 'authorizationDetails'>;

/** The declared types of authorization details for processes that hold a copy. */
export interface DetailTypeStream {
  /**
   * What the active models declare.
   *
   * @param request.since the policy version that the caller has
   * @returns `models`: left out where that version is still the active one
   */
  declaredDetailTypes(request: {
    readonly since?: number;
  }): Promise<{ readonly version: number; readonly models?: readonly DeclaringModel[] }>;
}

export interface PolicyEngine extends DetailTypeStream {
  readonly applicationEntities: ApplicationEntities;
  /**
   * AuthZEN evaluation for an outside enforcement point. The decision is recorded before it is returned.
   *
   * @throws CodedError `evaluation_invalid`; `policy_behind`; whatever keeps it from being recorded
   */
  evaluate(request: EvaluationRequest, caller: EvaluationCaller): Promise<RecordedAnswer>;
  /** Several at once, each recorded; as many as the semantic lets be decided, in their order. */
  evaluations(
    request: EvaluationsRequest,
    caller: EvaluationCaller,
  ): Promise<readonly (RecordedAnswer | RefusedEvaluation)[]>;
  /** What would be permitted, a page at a time. One record a page. */
  search(request: SearchRequest, caller: EvaluationCaller): Promise<SearchAnswer>;
  /**
   * A decision that the caller must put into its own record (`openDecision`, `protectedDecision`) before acting on it. Fails closed:
   * never throws for a policy's fault.
   *
   * @throws CodedError `policy_behind` when `atLeast` cannot be had in time
   */
  decide(input: DecisionInput): Promise<Decision>;
  active(): PolicyVersion;
  /**
   * Types of authorization details that the active models of applications declare, by name.
   *
   * @throws CodedError `policy_behind` from a copy in another process that has not been confirmed for some seconds
   */
  detailTypes(): ReadonlyMap<string, ApplicationDetailType>;
  readonly limits: Limits;
  readonly versions: PolicyVersions;
  readonly history: DecisionHistory;
}
