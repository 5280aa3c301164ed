import {
  type DecisionId,
  type Digest,
  errorVocabulary,
  type Json,
  type RecordId,
  type TransactionId,
} from '@countersign/kernel';
import type { Actor } from './audit-log.ts';

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
export type Obligation = {
  readonly kind: 'approval';
  /** Role that the approver must hold, at the initiator's institution. */
  readonly role: string;
  readonly count: number;
};

export interface Decision {
  readonly id: DecisionId;
  readonly decision: boolean;
  readonly policyVersion: number;
  readonly policyHash: Digest;
  /** Ids of the policies that decided, sorted. Empty for a default deny. */
  readonly determining: readonly string[];
  /** Policies that failed to evaluate; a failing forbid denies. */
  readonly errors: readonly { readonly policyId: string; readonly message: string }[];
  /** Why not, in codes and words; empty when permitted. */
  readonly reasons: readonly { readonly code: string; readonly detail: string }[];
  readonly obligations: readonly Obligation[];
  /** Version of the directory snapshot that was read. */
  readonly entityVersion: number;
  /** Digest of everything the decision was made from. */
  readonly inputDigest: Digest;
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
    readonly algo?: { readonly modelId: string; readonly version: string; readonly artifactSha256: string };
  };
}

export const policyErrors = errorVocabulary({
  policy_invalid: 'invalid',
  evaluation_invalid: 'invalid',
  policy_not_loaded: 'unavailable',
  limit_exceeded: 'forbidden',
  limit_currency: 'conflict',
});

export interface PolicyVersion {
  readonly version: number;
  readonly hash: Digest;
  readonly publishedAt: string;
  readonly recordId: RecordId;
  readonly policies: readonly { readonly id: string; readonly effect: 'permit' | 'forbid'; readonly text: string }[];
}

export interface PolicyEngine {
  /** AuthZEN evaluation for an outside enforcement point. The decision is recorded before it is returned. */
  evaluate(request: EvaluationRequest, caller: Actor): Promise<Decision & { readonly recordId: RecordId }>;
  /** A decision that the caller must put into its own record before acting on it. Fails closed: never throws for a policy's fault. */
  decide(input: DecisionInput): Promise<Decision>;
  active(): PolicyVersion;
  readonly limits: Limits;
}

/** Rolling amounts that no order may take past its limit, however many ask at once. */
export interface Limits {
  /** Takes `amount` out of the window's headroom, once per reservation id. */
  reserve(request: {
    readonly reservation: string;
    /** What is counted, e.g. `mandate:mnd_…`. */
    readonly key: string;
    /** UTC day, `YYYY-MM-DD`. */
    readonly window: string;
    readonly amount: { readonly amount: string; readonly ccy: string };
    readonly limit: { readonly amount: string; readonly ccy: string };
  }): Promise<{ readonly outcome: 'reserved' } | { readonly outcome: 'exceeded'; readonly headroom: string }>;
  release(reservation: string): Promise<void>;
}
