import { type Digest, errorVocabulary, type Json, type RecordId } from '@countersign/kernel';
import type { Actor } from './audit-log.ts';
import type { DecisionHistory } from './decision-history.ts';
import type { Decision, DecisionInput, DecisionReason } from './decisions.ts';
import type { Limits } from './limits.ts';
import type { ApplicationModel, PolicyVersion, PolicyVersions } from './policy-versions.ts';

/** An access question (AuthZEN 1.0 section 5): subject, action, resource and context. */
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
  /** The bundle cannot be read, parsed, validated or compiled; the facts list all `problems`. */
  policy_invalid: 'invalid',
  policy_too_large: 'too-large',
  /** The bundle's own tests fail; the facts name each. */
  policy_tests_failed: 'invalid',
  /** This exact bundle has not been simulated against the active version within the last day. */
  policy_not_simulated: 'conflict',
  policy_unchanged: 'conflict',
  /** With this bundle, the person who activates it could not roll it back. */
  policy_locks_out: 'conflict',
  candidate_not_found: 'not-found',
  /** Already approved, rejected or expired. */
  candidate_decided: 'conflict',
  /** The active version has changed since the simulation: simulate and propose again. */
  candidate_outdated: 'conflict',
  /** Proposer and approver are the same person. */
  candidate_self_approval: 'forbidden',
  /** Proposer and approver are not independent: one invited the other to enrol a key. */
  candidate_not_independent: 'forbidden',
  /** The proposer has left, moved, or may no longer propose it; the proposal has ended. */
  candidate_proposer_gone: 'conflict',
  candidate_digest: 'conflict',
  version_not_found: 'not-found',
  nothing_to_roll_back: 'conflict',
  /** One person may roll a version back only within a day of its publication; later it takes two people. */
  roll_back_too_late: 'conflict',
  /** The stored bundle does not match its signature. */
  bundle_signature: 'unavailable',
  /** No version as new as requested was available in time. */
  policy_behind: 'unavailable',
  evaluation_invalid: 'invalid',
  search_not_supported: 'invalid',
  page_token_invalid: 'invalid',
  policy_not_loaded: 'unavailable',
  decision_timed_out: 'unavailable',
  simulation_not_found: 'not-found',
  /** The maximum number of simulations is already running. */
  simulation_busy: 'unavailable',
  /** The maximum number of bundles is already waiting to be read. */
  bundles_waiting: 'unavailable',
  record_without_decision: 'invalid',
  decision_not_found: 'not-found',
  /** No model of this namespace exists, or the client may not write to it. */
  application_not_found: 'not-found',
  application_entity_not_found: 'not-found',
  /** The entity does not match its model's schema, or is too large. */
  application_entity_invalid: 'invalid',
  /** The entity is part of the signed bundle, and only the bundle may change it. */
  application_entity_governed: 'conflict',
  application_entities_full: 'conflict',
  limit_exceeded: 'forbidden',
  limit_currency: 'conflict',
  limit_amount: 'invalid',
  reservation_conflict: 'conflict',
});

/** A decision of the AuthZEN interface; its record is durable before it is returned. */
export type RecordedAnswer = Decision & {
  readonly recordId: RecordId;
  /** Of {@link Decision.inputText}. */
  readonly input: Json;
  /** The policies in {@link Decision.determining} with their texts, for callers that may read policies. Looked up on access. */
  readonly policies: PolicyVersion['policies'];
};

/** AuthZEN 1.0 section 7.1.2.1. */
export const evaluationsSemantics = ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'] as const;
export type EvaluationsSemantic = (typeof evaluationsSemantics)[number];

/**
 * An evaluation of a batch that cannot be decided because a value is missing or invalid. It counts as a deny (AuthZEN 1.0 section
 * 7.2.1) and is not recorded.
 */
export interface RefusedEvaluation {
  readonly decision: false;
  readonly refused: DecisionReason;
}

export interface EvaluationsRequest {
  /** Defaults are already applied. Evaluations that were refused earlier keep their position. */
  readonly evaluations: readonly (EvaluationRequest | RefusedEvaluation)[];
  readonly semantic: EvaluationsSemantic;
}

/** AuthZEN 1.0 section 8: one of subject, action and resource is left open. */
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
  /** Empty on the last page. */
  readonly nextToken: string;
  readonly policyVersion: number;
  readonly policyHash: Digest;
  readonly entityVersion: number;
  readonly recordId: RecordId;
}

/** An external caller of the AuthZEN interface. */
export interface EvaluationCaller extends Actor {
  /** The client of the token. Application models list the clients that may ask about them. */
  readonly client?: string;
}

/** An entity of an application model, in Cedar's JSON form. */
export interface ApplicationEntity {
  readonly uid: { readonly type: string; readonly id: string };
  readonly attrs: Readonly<Record<string, Json>>;
  readonly parents: readonly { readonly type: string; readonly id: string }[];
}

/** Identifies an entity by its type, without the namespace, and id. */
export interface ApplicationEntityAddress {
  readonly namespace: string;
  readonly type: string;
  readonly id: string;
}

/** The result of a change: the new version of the model's entities and the record of the change. */
export interface ApplicationEntityChange {
  readonly version: number;
  readonly recordId: RecordId;
}

/**
 * Entities of application models that change independently of the policies. A model lists the clients that may write them;
 * refusals are recorded. At most 10,000 for each model, 16,384 characters each.
 */
export interface ApplicationEntities {
  /**
   * Recorded before it is written. Decisions of this node use it when the call resolves, those of other nodes within two seconds.
   *
   * @throws CodedError `application_not_found`; `application_entity_invalid`; `application_entity_governed`;
   * `application_entities_full`
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
   * At most 100, ordered by type and id.
   *
   * @returns `next`: pass it as `after` for the next page; absent on the last one
   * @throws CodedError `application_not_found`
   */
  list(
    namespace: string,
    page: { readonly after?: string; readonly by: EvaluationCaller },
  ): Promise<{ readonly version: number; readonly entities: readonly ApplicationEntity[]; readonly next?: string }>;
}

/** An application's type of authorization details (RFC 9396). */
export interface ApplicationDetailType {
  /** URI of the only interface for which tokens with this type are issued. */
  readonly audience: string;
  /** Describes what is wrong with a detail's members, apart from `type` and `locations`; undefined when they are valid. */
  problemWith(
    members: Readonly<Record<string, Json>>,
  ): { readonly path: string; readonly problem: string; readonly detail: string } | undefined;
  /** How a detail is shown to a person; absent when people cannot consent to this type. */
  describe?(members: Readonly<Record<string, Json>>): DescribedDetail;
}

/** An authorization detail as shown to a person. */
export interface DescribedDetail {
  readonly title: string;
  readonly lines: readonly { readonly label: string; readonly value: string }[];
}

/** The part of an application model that declares types of authorization details. */
export type DeclaringModel = Pick<ApplicationModel, 'namespace' | 'authorizationDetails'>;

/** The declared types of authorization details for processes that hold a copy. */
export interface DetailTypeStream {
  /**
   * The declarations of the active models.
   *
   * @param request.since the caller's policy version
   * @returns `models`: left out when that version is still active
   */
  declaredDetailTypes(request: {
    readonly since?: number;
  }): Promise<{ readonly version: number; readonly models?: readonly DeclaringModel[] }>;
}

export interface PolicyEngine extends DetailTypeStream {
  readonly applicationEntities: ApplicationEntities;
  /**
   * AuthZEN evaluation for an external enforcement point. The decision is recorded before it is returned.
   *
   * @throws CodedError `evaluation_invalid`; `policy_behind`; any error that prevents the record
   */
  evaluate(request: EvaluationRequest, caller: EvaluationCaller): Promise<RecordedAnswer>;
  /** Several evaluations, each recorded, in order. The semantic determines after which result evaluation stops. */
  evaluations(
    request: EvaluationsRequest,
    caller: EvaluationCaller,
  ): Promise<readonly (RecordedAnswer | RefusedEvaluation)[]>;
  /** Finds what would be permitted, one page at a time. Each page has one record. */
  search(request: SearchRequest, caller: EvaluationCaller): Promise<SearchAnswer>;
  /**
   * Decides in process. The caller must put the decision into its own record (`openDecision`, `protectedDecision`) before acting
   * on it. Fails closed: a faulty policy never makes it throw.
   *
   * @throws CodedError `policy_behind` when the version in `atLeast` is not available in time
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
