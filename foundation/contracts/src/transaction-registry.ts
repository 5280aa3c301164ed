import {
  type ApprovalId,
  type ExceptionId,
  errorVocabulary,
  type IntentDigest,
  type MandateId,
  type RecordId,
  type TransactionId,
} from '@countersign/kernel';
import type { AuthorizationDetail } from '@countersign/market';
import type { Actor } from './audit-log.ts';
import type { TransactionFacts } from './decisions.ts';

export const transactionStates = ['intended', 'submitted', 'executed', 'cleared', 'settled', 'cancelled'] as const;
export type TransactionState = (typeof transactionStates)[number];

export const transactionEvents = ['submit', 'execute', 'clear', 'settle', 'cancel'] as const;
export type TransactionEvent = (typeof transactionEvents)[number];

/** Roles of people who approve transactions; an approval is given in one of them. */
export const approverRoles = ['compliance', 'desk-head', 'operations', 'risk', 'supervisor'] as const;
export type ApproverRole = (typeof approverRoles)[number];

export interface OpenedTransaction {
  readonly id: TransactionId;
  readonly intentDigest: IntentDigest;
  readonly state: TransactionState;
  readonly recordId: RecordId;
}

export interface Approval {
  readonly id: ApprovalId;
  readonly transaction: TransactionId;
  readonly approver: string;
  readonly role: ApproverRole;
  readonly intentDigest: IntentDigest;
  /** RFC 3339. */
  readonly expiresAt: string;
  readonly recordId: RecordId;
}

export interface TransitionReceipt {
  readonly transaction: TransactionId;
  readonly event: TransactionEvent;
  readonly state: TransactionState;
  readonly version: number;
  readonly recordedAt: string;
  readonly recordId: RecordId;
  /** True when this request had been made before and nothing happened now. */
  readonly replayed: boolean;
}

/** Something a person must look at: it is not carried on silently, and silence does not heal it. */
export interface TransactionException {
  readonly id: ExceptionId;
  readonly transaction: TransactionId;
  readonly event: TransactionEvent;
  readonly reason: string;
  readonly detail: string;
  readonly status: 'open' | 'resolved';
  readonly raisedAt: string;
  readonly recordId: RecordId;
}

export const transactionErrors = errorVocabulary({
  transaction_not_found: 'not-found',
  transition_invalid: 'invalid',
  transition_out_of_order: 'conflict',
  transition_not_permitted: 'forbidden',
  approval_required: 'forbidden',
  idempotency_key_missing: 'invalid',
  idempotency_conflict: 'conflict',
  intent_not_supported: 'invalid',
  intent_expired: 'conflict',
  mandate_lapsed: 'conflict',
  notional_per_day: 'forbidden',
  limit_exceeded: 'forbidden',
  terms_exceeded: 'forbidden',
  approval_malformed: 'invalid',
  approval_signature: 'invalid',
  approval_key_unknown: 'forbidden',
  approval_terms_changed: 'conflict',
  approval_expired: 'conflict',
  approval_self: 'forbidden',
  approval_repeated: 'conflict',
  approval_role: 'forbidden',
  approval_institution: 'forbidden',
  approval_not_awaited: 'conflict',
});

/** Read before a transition: what was executed, cleared or settled, in the words of the caller's system. */
export interface TransitionRequest {
  readonly transaction: TransactionId;
  readonly event: TransactionEvent;
  readonly idempotencyKey: string;
  /** Event-specific facts (executed quantity and price, settlement reference); hashed for the idempotency check. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Who asks: the authenticated caller, with the institution it acts for. */
  readonly by: Actor & { readonly client: string };
}

export interface TransactionRegistry {
  /**
   * Gives an intent its transaction. The same client with the same idempotency key and the same intent gets
   * the same transaction again; with another intent `idempotency_conflict`.
   */
  open(request: {
    readonly detail: AuthorizationDetail;
    readonly mandate: { readonly id: MandateId; readonly version: number; readonly recordId: RecordId };
    readonly initiator: Actor;
    readonly client: string;
  }): Promise<OpenedTransaction>;
  facts(id: TransactionId): Promise<TransactionFacts | undefined>;
  /**
   * Whether its order counts against limits: it has been submitted, and not cancelled. Waits for a transition that is
   * under way, so that the answer is final for what was asked before.
   *
   * @returns undefined for an unknown transaction
   * @throws CodedError `database_unavailable` when it is not known in time
   */
  countsAgainstLimits(id: TransactionId): Promise<boolean | undefined>;
  /** Every institution that may know of the transaction. */
  parties(id: TransactionId): Promise<readonly string[]>;
  /**
   * Takes an approver's compact JWS over `{ iss, txn, intent_digest, decision: "approve", iat, exp, jti }` with
   * `typ` `countersign-approval+jwt`, signed with ES256 or EdDSA by a key registered to exactly one person, who is
   * the `iss`. It counts until `exp`, at most an hour after `iat`, in the role that the claim `role` names; left out,
   * as a supervisor's, or in the only other role of {@link approverRoles} that the person has.
   */
  approve(id: TransactionId, approvalJws: string): Promise<Approval>;
  /**
   * Carries a transaction on by one event, once. The same institution with the same key, event and body gets the
   * first receipt again; the key with anything else `idempotency_conflict`.
   *
   * @throws CodedError of {@link transactionErrors}. Facts: `approval_required` the missing `obligations`,
   *   `transition_not_permitted` the `reasons`, `mandate_lapsed` the `reason` and, after execution, the `exception`
   *   that was raised, `notional_per_day` and `limit_exceeded` the
   *   `headroom` and the readings, `terms_exceeded` the `field`.
   */
  transition(request: TransitionRequest): Promise<TransitionReceipt>;
  /** Oldest first, at most 1,000. `party` leaves only those of transactions that institution is a party to. */
  exceptions(filter: {
    readonly transaction?: TransactionId;
    readonly status?: 'open' | 'resolved';
    readonly party?: string;
  }): Promise<readonly TransactionException[]>;
}
