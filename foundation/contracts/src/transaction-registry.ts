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
import type { TransactionFacts } from './decisions.ts';
import type { ExceptionRegister } from './exceptions.ts';
import type { PrincipalId } from './principals.ts';
import type { Requester } from './requester.ts';

/** One life for each kind of intent; see `life-cycles/` of the transaction registry. */
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

/** Every state of any life cycle. A transaction begins as `intended`. */
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
  /** Set when it was withdrawn: it counts no more. */
  readonly withdrawn?: { readonly at: string; readonly recordId: RecordId };
}

/** Approvals of several transactions under one signature, or of none: one that does not count keeps all from counting. */
export interface BatchApproval {
  /** SHA-256 over the canonical form of the list of `{ txn, intent_digest }`, in the order shown. */
  readonly root: Digest;
  readonly approvals: readonly Approval[];
}

/** What an approver is shown: decoded from the canonical intent alone, never a text that somebody wrote. */
export interface ApprovalView {
  readonly transaction: TransactionId;
  readonly intentDigest: IntentDigest;
  readonly state: TransactionState;
  readonly initiator: string;
  readonly initiatorInstitution: string;
  readonly title: string;
  /** Every field of the intent, each once. */
  readonly lines: readonly { readonly label: string; readonly value: string }[];
  /** What deserves a second look, by code: e.g. `destination_new`, `algorithmic`, `call_data`. Decoded like the rest. */
  readonly warnings: readonly { readonly code: string; readonly detail: string }[];
  /** What is still wanted before it can be carried on. */
  readonly awaited: readonly {
    readonly role: string;
    readonly count: number;
    readonly institution: string;
    /** Only people count who are not of the desk that began it, and do not deal. */
    readonly independent?: true;
  }[];
  /** Who may give what is wanted in the place of whom, and from when on (RFC 3339), where nobody answers. */
  readonly escalation: readonly {
    readonly role: string;
    readonly inPlaceOf: string;
    readonly institution: string;
    readonly from: string;
  }[];
  readonly approvals: readonly { readonly approver: string; readonly role: string; readonly institution: string }[];
  /** Approvers who would not, newest first; they keep nobody else from approving. */
  readonly declined: readonly {
    readonly approver: string;
    readonly institution: string;
    readonly reason: string;
    /** RFC 3339. */
    readonly at: string;
  }[];
  /** RFC 3339: it is begun before, or not at all. */
  readonly notAfter: string;
}

/** A transaction that waits for a person, with the roles in which they may approve it now. */
export interface WaitingTransaction {
  readonly view: ApprovalView;
  /** At least one. */
  readonly roles: readonly ApproverRole[];
}

/** What an approver saw when they signed, for the record. */
export interface ShownToApprover {
  /** BCP 47, of the words around it; what it says of the intent is as decoded. */
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
  /** True when it came after the time by which it was waited for: an exception tells of the delay. */
  readonly late?: boolean;
  /** True when this request had been made before and nothing happened now. */
  readonly replayed: boolean;
}

export const transactionErrors = errorVocabulary({
  transaction_not_found: 'not-found',
  transition_invalid: 'invalid',
  transition_out_of_order: 'conflict',
  transition_not_permitted: 'forbidden',
  /** Who began it or acts in it, or its mandate, is revoked until that is lifted. */
  authority_revoked: 'forbidden',
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
  /** Who approves and who began it, or approved it too, are not surely two people: one invited the other to enrol a key. */
  approval_not_independent: 'forbidden',
  approval_repeated: 'conflict',
  approval_role: 'forbidden',
  approval_institution: 'forbidden',
  approval_not_awaited: 'conflict',
  approval_out_of_turn: 'conflict',
  approval_not_found: 'not-found',
  /** The approval presented was withdrawn by who gave it. */
  approval_withdrawn: 'conflict',
  /** The transaction was carried on by it: it cannot be withdrawn any more. */
  approval_used: 'conflict',
  approval_batch_root: 'conflict',
  /** The authenticator that signed is of a class that is not enough for approvals here. */
  approval_authenticator: 'forbidden',
  /** The account of who signed is locked, may be somebody else's, or was recovered a short while ago. */
  approval_unsettled: 'forbidden',
  /** Something is to be said when an approval is declined: 1 to 500 characters. */
  decline_reason: 'invalid',
  /** Whoever does this may not have begun, approved or certified it. */
  duties_combined: 'forbidden',
  /** A person or their software must do this; a machine of its own accord may not. */
  person_required: 'forbidden',
  /** A destination that is not active in the address book of the institution, or not any more as it was. */
  destination_unknown: 'conflict',
  cooling_off: 'conflict',
  /** What follows a trade names none that is known here, or one that the institution is no party to. */
  trade_unknown: 'conflict',
  /** The trade has not been executed, is over, or waits for somebody to deal with an exception. */
  trade_not_executed: 'conflict',
  /** The trade has other parties, another instrument, currency or direction; the facts name the `field`. */
  trade_differs: 'conflict',
  /** More than was executed, less what others have taken of it; the facts name what is `left`. */
  trade_exceeded: 'conflict',
  /** A settlement of the trade is under way: the trade is not reported as settled beside it. */
  trade_being_settled: 'conflict',
  short_code_unmapped: 'conflict',
  /** A partner named another digest, state or amount than stands here. */
  partner_mismatch: 'conflict',
  /** It came after the time until which it was waited for, and is of no use any more. */
  event_late: 'conflict',
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
  /** Principal ids of the acting chain, current actor first, where others act for the caller. */
  readonly actors?: readonly string[];
  /** How the caller signed in, where it is a person and their token says so. */
  readonly authentication?: { readonly acr?: string; readonly authTime?: number };
}

export interface TransactionRegistry extends ExceptionRegister {
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
  /** What happened to it, oldest first; empty for an unknown transaction. */
  history(id: TransactionId): Promise<readonly TransitionReceipt[]>;
  /**
   * Every institution that may know of the transaction: who began it, for whom, the firms that an order lists, and
   * whoever else has had a step to take.
   */
  parties(id: TransactionId): Promise<readonly string[]>;
  /**
   * The steps in the life of a transaction that are an institution's to take, whether or not they can be taken now, with
   * the scope of each.
   *
   * @returns undefined where the institution has no part in it, or there is no such transaction
   */
  stepsOf(
    id: TransactionId,
    institution: string,
  ): Promise<readonly { readonly event: TransactionEvent; readonly scope: Scope }[] | undefined>;
  /**
   * Takes an approver's compact JWS over `{ iss, txn, intent_digest, decision: "approve", iat, exp, jti }` with
   * `typ` `countersign-approval+jwt`, signed with ES256 or EdDSA by a key registered to exactly one person, who is
   * the `iss`. It counts until `exp`, at most an hour after `iat`, in the role that the claim `role` names; left out,
   * as a supervisor's, or in the only other role of {@link approverRoles} that the person has.
   *
   * A person's authenticator signs the same members as a statement of `typ` `countersign-approval+webauthn`, which has
   * been verified when it comes here (`Statements.take`); it falls with that authenticator.
   *
   * @param shown what the approver was shown, kept with the record for those who may read it
   */
  approve(id: TransactionId, approval: string | SignedStatement, shown?: ShownToApprover): Promise<Approval>;
  /**
   * Carries a transaction on by one event, once. The same institution with the same key, event and body gets the
   * first receipt again; the key with anything else `idempotency_conflict`.
   *
   * @throws CodedError of {@link transactionErrors}. Facts: `approval_required` the missing `obligations`,
   *   `transition_not_permitted` the `reasons`, `mandate_lapsed` the `reason` and, after execution, the `exception`
   *   that was raised, `notional_per_day` and `limit_exceeded` the `headroom` and the readings, `terms_exceeded` the
   *   `field`. Why mandate or policies do not permit it is told to the side that began it; others learn the code and the
   *   exception.
   */
  transition(request: TransitionRequest): Promise<TransitionReceipt>;
  /**
   * Takes one signature for several transactions: a compact JWS or a statement as for {@link approve}, with `items`, a
   * list of `{ txn, intent_digest }`, and `root`, its digest, in the place of `txn` and `intent_digest`. All or none.
   *
   * @throws CodedError as {@link approve}, with the `transaction` at fault in its facts; `approval_batch_root`
   */
  approveBatch(
    approval: string | SignedStatement,
    shown?: ReadonlyMap<TransactionId, ShownToApprover>,
  ): Promise<BatchApproval>;
  /**
   * An approver will not approve it, and says why; nothing else happens to it, and they may think better of it. Recorded
   * as `approval.declined`. Repeating it returns the first result.
   *
   * @throws CodedError as {@link approve} for who could not have approved it; `decline_reason`
   */
  decline(id: TransactionId, by: PrincipalId, reason: string): Promise<{ readonly recordId: RecordId }>;
  /**
   * What waits for a person: an approval is wanted that they may give now, in a role they have, of what they neither
   * began nor approved nor declined. The soonest to end first; at most 30, however much there is.
   *
   * An approval by the policies' wish alone is known of since the step was asked for, or since somebody looked at what
   * there is to approve.
   *
   * @param intents only transactions with one of these digests
   */
  waitingFor(
    person: PrincipalId,
    intents?: readonly Digest[],
  ): Promise<{ readonly waiting: readonly WaitingTransaction[]; readonly more: boolean }>;
  /**
   * By the approver, as long as a step that wants it is still to come; once the last of them rests on it, no more.
   * Repeating it returns the first result.
   */
  withdrawApproval(id: TransactionId, approval: ApprovalId, by: Requester): Promise<Approval>;
  /**
   * @returns undefined for an unknown transaction, or one that people of this institution have no part in approving: a
   *   counterparty does not see the limits an intent was given
   */
  approvalView(id: TransactionId, institution: string): Promise<ApprovalView | undefined>;
  /**
   * A signed document that travels with a message about the transaction; see `@countersign/envelope`. Recorded first.
   *
   * @param by a caller of one of its parties
   */
  envelope(id: TransactionId, by: Requester): Promise<{ readonly envelope: string; readonly recordId: RecordId }>;
  /**
   * Ends every approval that a principal has given and that has not been used. Of somebody who leaves, what was only
   * meant is cancelled, and exceptions tell of what they have begun; who moves goes on answering for it, as far as the
   * policies still let them.
   */
  endAuthorityOf(
    principal: string,
    kind: 'leave' | 'move',
    by: Actor,
    reason: string,
  ): Promise<{ readonly ended: number }>;
}
