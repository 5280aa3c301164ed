import {
  type ApprovalId,
  type Digest,
  errorVocabulary,
  type IntentDigest,
  type MandateId,
  type RecordId,
  type TransactionId,
} from '@countersign/kernel';
import { type ApproverRole, type AuthorizationDetail, approverRoles, type Scope } from '@countersign/market';
import type { Actor } from './audit-log.ts';
import type { SignedStatement } from './authenticators.ts';
import { certificateSignatureErrors } from './certificate-signatures.ts';
import type { TransactionFacts } from './decisions.ts';
import type { ExceptionRegister } from './exceptions.ts';
import type { PrincipalId } from './principals.ts';
import type { Requester } from './requester.ts';

/** One life cycle for each kind of intent; see `life-cycles/` of the transaction registry. */
export const lifeCycleNames = [
  'order',
  'rfq',
  'allocation',
  'clearing',
  'settlement',
  'collateral',
  'withdrawal',
  'address-book',
  'report',
  'administration',
] as const;
export type LifeCycleName = (typeof lifeCycleNames)[number];

/** All states of all life cycles. A transaction starts as `intended`. */
export const transactionStates = [
  'intended',
  'submitted',
  'acknowledged',
  'executed',
  'cleared',
  'settled',
  'cancelled',
  'rejected',
  'expired',
  'failed',
  'requested',
  'quoted',
  'accepted',
  'declined',
  'proposed',
  'approved',
  'given-up',
  'affirmed',
  'instructed',
  'released',
  'pledged',
  'transferred',
  'returned',
  'confirmed',
  'active',
  'revoked',
  'applied',
] as const;
export type TransactionState = (typeof transactionStates)[number];

export const transactionEvents = [
  'submit',
  'acknowledge',
  'execute',
  'clear',
  'settle',
  'cancel',
  'reject',
  'expire',
  'fail',
  'quote',
  'accept',
  'decline',
  'propose',
  'approve',
  'give-up',
  'affirm',
  'instruct',
  'release',
  'pledge',
  'transfer',
  'recall',
  'request',
  'confirm',
  'activate',
  'revoke',
  'correct',
  'apply',
] as const;
export type TransactionEvent = (typeof transactionEvents)[number];

export { type ApproverRole, approverRoles };

export interface OpenedTransaction {
  readonly id: TransactionId;
  readonly intentDigest: IntentDigest;
  readonly state: TransactionState;
  readonly recordId: RecordId;
  readonly facts: TransactionFacts;
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
  /** Set when the approval was withdrawn; it is no longer valid. */
  readonly withdrawn?: { readonly at: string; readonly recordId: RecordId };
}

/** Approvals of several transactions under one signature. All or none: one invalid approval invalidates the batch. */
export interface BatchApproval {
  /** SHA-256 over the canonical form of the list of `{ txn, intent_digest }`, in the order shown. */
  readonly root: Digest;
  readonly approvals: readonly Approval[];
}

/** The approval page's content, decoded only from the canonical intent, never from text that somebody wrote. */
export interface ApprovalView {
  readonly transaction: TransactionId;
  readonly intentDigest: IntentDigest;
  readonly state: TransactionState;
  readonly initiator: string;
  readonly initiatorInstitution: string;
  readonly title: string;
  /** Every field of the intent, each once. */
  readonly lines: readonly { readonly label: string; readonly value: string }[];
  /** Points that need attention, by code: e.g. `destination_new`, `algorithmic`, `call_data`. Also decoded from the intent. */
  readonly warnings: readonly { readonly code: string; readonly detail: string }[];
  /** Outstanding approvals before the transaction can continue. */
  readonly awaited: readonly {
    readonly role: string;
    readonly count: number;
    readonly institution: string;
    /** Only people outside the initiator's desk who do not trade may approve. */
    readonly independent?: true;
  }[];
  /** Roles that may approve instead when nobody responds, and from when (RFC 3339). */
  readonly escalation: readonly {
    readonly role: string;
    readonly inPlaceOf: string;
    readonly institution: string;
    readonly from: string;
  }[];
  readonly approvals: readonly { readonly approver: string; readonly role: string; readonly institution: string }[];
  /** Approvers who declined, newest first. This does not prevent others from approving. */
  readonly declined: readonly {
    readonly approver: string;
    readonly institution: string;
    readonly reason: string;
    /** RFC 3339. */
    readonly at: string;
  }[];
  /** RFC 3339: the transaction must start before this time. */
  readonly notAfter: string;
}

/** A transaction awaiting a person's approval, with the roles in which they may approve it now. */
export interface WaitingTransaction {
  readonly view: ApprovalView;
  /** At least one role. */
  readonly roles: readonly ApproverRole[];
}

/** What the approver saw when signing, for the record. */
export interface ShownToApprover {
  /** BCP 47 language of the surrounding text; the content of the intent is always as decoded. */
  readonly lang: string;
  readonly title: string;
  readonly lines: ApprovalView['lines'];
  readonly warnings: ApprovalView['warnings'];
}

export interface TransitionReceipt {
  readonly transaction: TransactionId;
  readonly event: TransactionEvent;
  readonly state: TransactionState;
  readonly version: number;
  readonly recordedAt: string;
  readonly recordId: RecordId;
  /** True when the event arrived after its deadline; an exception reports the delay. */
  readonly late?: boolean;
  /** True for a repeated request, which had no further effect. */
  readonly replayed: boolean;
}

export const transactionErrors = errorVocabulary({
  transaction_not_found: 'not-found',
  transition_invalid: 'invalid',
  transition_out_of_order: 'conflict',
  transition_not_permitted: 'forbidden',
  /** The initiator, an acting principal or the mandate is revoked until the revocation is lifted. */
  authority_revoked: 'forbidden',
  /** The step would start new risk, and a halt is in force. */
  trading_halted: 'forbidden',
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
  /** The approver is not independent of the initiator or of another approver: one invited the other to enrol a key. */
  approval_not_independent: 'forbidden',
  approval_repeated: 'conflict',
  approval_role: 'forbidden',
  approval_institution: 'forbidden',
  approval_not_awaited: 'conflict',
  approval_out_of_turn: 'conflict',
  approval_not_found: 'not-found',
  /** The approver has withdrawn the presented approval. */
  approval_withdrawn: 'conflict',
  /** The transaction has used the approval, so it cannot be withdrawn. */
  approval_used: 'conflict',
  approval_batch_root: 'conflict',
  ...certificateSignatureErrors.codes,
  /** The signing authenticator's class is not sufficient for approvals here. */
  approval_authenticator: 'forbidden',
  /** The approver's account is locked, possibly compromised, or was recovered recently. */
  approval_unsettled: 'forbidden',
  /** Declining requires a reason of 1 to 500 characters. */
  decline_reason: 'invalid',
  /** The caller must not have initiated, approved or certified it (separation of duties). */
  duties_combined: 'forbidden',
  /** A person or their software must do this, not an autonomous machine. */
  person_required: 'forbidden',
  /** The destination is not, or no longer in this form, an active entry of the institution's address book. */
  destination_unknown: 'conflict',
  cooling_off: 'conflict',
  /** The intent refers to a trade that is unknown here, or to which the institution is no party. */
  trade_unknown: 'conflict',
  /** The trade has not been executed, has ended, or has an open exception. */
  trade_not_executed: 'conflict',
  /** The trade's parties, instrument, currency or direction differ; the facts name the `field`. */
  trade_differs: 'conflict',
  /** More than the executed amount minus what other intents have used; the facts name what is `left`. */
  trade_exceeded: 'conflict',
  /** A settlement of the trade is in progress, so the trade cannot be reported as settled. */
  trade_being_settled: 'conflict',
  short_code_unmapped: 'conflict',
  /** The partner named another digest, state or amount than our record. */
  partner_mismatch: 'conflict',
  /** The event arrived after its deadline and can no longer be accepted. */
  event_late: 'conflict',
});

/** An event to apply: what was executed, cleared or settled, in the terms of the caller's system. */
export interface TransitionRequest {
  readonly transaction: TransactionId;
  readonly event: TransactionEvent;
  readonly idempotencyKey: string;
  /** Event-specific facts (executed quantity and price, settlement reference). Their hash is part of the idempotency check. */
  readonly body: Readonly<Record<string, unknown>>;
  /** The authenticated caller, with the institution it acts for. */
  readonly by: Actor & { readonly client: string };
  /** Principal ids of the acting chain, current actor first. */
  readonly actors?: readonly string[];
  /** How the caller signed in, for a person whose token contains it. */
  readonly authentication?: { readonly acr?: string; readonly authTime?: number };
}

export interface TransactionRegistry extends ExceptionRegister {
  /**
   * Opens a transaction for an intent. The same client with the same idempotency key and intent gets the same transaction;
   * another intent under that key is refused with `idempotency_conflict`.
   */
  open(request: {
    readonly detail: AuthorizationDetail;
    readonly mandate: { readonly id: MandateId; readonly version: number; readonly recordId: RecordId };
    readonly initiator: Actor;
    readonly client: string;
  }): Promise<OpenedTransaction>;
  facts(id: TransactionId): Promise<TransactionFacts | undefined>;
  /**
   * Whether the transaction's order counts against limits: submitted and not cancelled. Waits for a transition in progress, so
   * that the answer is final for earlier requests.
   *
   * @returns undefined for an unknown transaction
   * @throws CodedError `database_unavailable` when the state is not known in time
   */
  countsAgainstLimits(id: TransactionId): Promise<boolean | undefined>;
  /** The transaction's events, oldest first; empty for an unknown transaction. */
  history(id: TransactionId): Promise<readonly TransitionReceipt[]>;
  /**
   * All institutions that may see the transaction: the initiator's, the one it acts for, the firms listed in an order, and every
   * institution that has had a step to take.
   */
  parties(id: TransactionId): Promise<readonly string[]>;
  /**
   * All steps of an institution in the transaction's life cycle, with the scope of each, whether or not they are possible now.
   *
   * @returns undefined for an unknown transaction, or one in which the institution has no part
   */
  stepsOf(
    id: TransactionId,
    institution: string,
  ): Promise<readonly { readonly event: TransactionEvent; readonly scope: Scope }[] | undefined>;
  /**
   * Accepts an approver's compact JWS over `{ iss, txn, intent_digest, decision: "approve", iat, exp, jti }` with `typ`
   * `countersign-approval+jwt`. It must be signed with ES256 or EdDSA by a key registered to exactly one person, who is the
   * `iss`. It is valid until `exp`, at most an hour after `iat`, in the role of the claim `role`. Without that claim the role is
   * supervisor, or the only other role of {@link approverRoles} that the person has.
   * A person's authenticator signs the same members as a statement of `typ` `countersign-approval+webauthn`, which the caller has
   * already verified (`Statements.consume`). The approval ends with that authenticator.
   *
   * @param shown what the approver was shown, recorded for authorized readers
   */
  approve(id: TransactionId, approval: string | SignedStatement, shown?: ShownToApprover): Promise<Approval>;
  /**
   * Applies one event to a transaction, once. The same institution with the same key, event and body gets the first receipt
   * again; anything else under that key is refused with `idempotency_conflict`.
   *
   * @throws CodedError of {@link transactionErrors}. Facts: `approval_required` the missing `obligations`,
   * `transition_not_permitted` the `reasons`, `mandate_lapsed` the `reason` and, after execution, the raised `exception`,
   * `notional_per_day` and `limit_exceeded` the `headroom` and the readings, `terms_exceeded` the `field`. Only the initiating
   * side learns why mandate or policies deny; others get the code and the exception.
   */
  transition(request: TransitionRequest): Promise<TransitionReceipt>;
  /**
   * Accepts one signature for several transactions: a compact JWS or a statement as for {@link approve}, but with `items`, a list
   * of `{ txn, intent_digest }`, and its digest `root` instead of `txn` and `intent_digest`. All or none.
   *
   * @throws CodedError as {@link approve}, with the failing `transaction` in its facts; `approval_batch_root`
   */
  approveBatch(
    approval: string | SignedStatement,
    shown?: ReadonlyMap<TransactionId, ShownToApprover>,
  ): Promise<BatchApproval>;
  /**
   * Records that an approver declines, with a reason (`approval.declined`). It has no other effect, and the approver may still
   * approve later. Repeating it returns the first result.
   *
   * @throws CodedError as {@link approve} for a person who could not approve it; `decline_reason`
   */
  decline(id: TransactionId, by: PrincipalId, reason: string): Promise<{ readonly recordId: RecordId }>;
  /**
   * Transactions awaiting an approval that this person may give now, excluding those they initiated, approved or declined. The
   * earliest deadline first; at most 30.
   * An approval that only policies require becomes known when the step is requested, or when somebody lists the outstanding
   * approvals.
   *
   * @param intents only transactions with one of these digests
   */
  waitingFor(
    person: PrincipalId,
    intents?: readonly Digest[],
  ): Promise<{ readonly waiting: readonly WaitingTransaction[]; readonly more: boolean }>;
  /**
   * Withdraws an approval, for its approver, until the last step that needs it has used it. Repeating it returns the first
   * result.
   */
  withdrawApproval(id: TransactionId, approval: ApprovalId, by: Requester): Promise<Approval>;
  /**
   *
   * @returns undefined for an unknown transaction, or for an institution without approvers in it: a counterparty must not see the
   * limits of an intent
   */
  approvalView(id: TransactionId, institution: string): Promise<ApprovalView | undefined>;
  /**
   * A signed document that accompanies a message about the transaction; see `@countersign/envelope`. Recorded first.
   *
   * @param by a caller of one of the transaction's parties
   */
  envelope(id: TransactionId, by: Requester): Promise<{ readonly envelope: string; readonly recordId: RecordId }>;
  /**
   * Ends a principal's unused approvals. For a person who leaves, also cancels transactions that were only intended and raises
   * exceptions for those already started. A person who moves stays responsible for them as far as the policies permit.
   */
  endAuthorityOf(
    principal: string,
    kind: 'leave' | 'move',
    by: Actor,
    reason: string,
  ): Promise<{ readonly ended: number }>;
}
