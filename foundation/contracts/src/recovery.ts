import { type Digest, errorVocabulary, type RecordId, type RecoveryId } from '@countersign/kernel';
import type { Actor } from './audit-log.ts';
import type { AskedStatement, EnrolmentInvitation, SignedStatement } from './authenticators.ts';
import type { PrincipalId } from './principals.ts';

/** Types of the statements that people sign about a recovery. */
export const recoveryStatementTypes = {
  approve: 'countersign-recovery+webauthn',
  cancel: 'countersign-recovery-cancel+webauthn',
} as const;

/** A function of the firm that must approve recoveries. Any person with one of its roles may approve for it. */
export interface RecoveryFunction {
  /** E.g. `line`, `control`. */
  readonly name: string;
  readonly roles: readonly string[];
}

/**
 * `waiting`: awaiting approvals; `approved`: the person's access is being ended; `ended`: the access has ended and the person may
 * be invited; `invited`: the person may enrol; `completed`: the person has enrolled. The other states end the recovery.
 */
export const recoveryStatuses = [
  'waiting',
  'approved',
  'ended',
  'invited',
  'completed',
  'refused',
  'cancelled',
  'expired',
] as const;
export type RecoveryStatus = (typeof recoveryStatuses)[number];

/** A recovery, from the report of the loss to the new authenticator. */
export interface Recovery {
  readonly id: RecoveryId;
  readonly person: PrincipalId;
  /** LEI. */
  readonly institution: string;
  readonly status: RecoveryStatus;
  readonly openedBy: string;
  /** RFC 3339. */
  readonly openedAt: string;
  /** RFC 3339: deadline for the whole recovery, including enrolment. */
  readonly expiresAt: string;
  readonly reason: string;
  /** References to the evidence of the person's identity. */
  readonly evidence: readonly string[];
  /** SHA-256 over person, reason and evidence. Approvers sign it. */
  readonly digest: Digest;
  readonly approvals: readonly {
    readonly by: PrincipalId;
    readonly function: string;
    readonly at: string;
    readonly recordId: RecordId;
  }[];
  /** Names of the functions whose approval is missing. */
  readonly missing: readonly string[];
  /** RFC 3339: end of the cooling-off after enrolment. Until then the person may not move value. */
  readonly coolingOffUntil?: string;
  /** Its `recovery.opened` record. */
  readonly recordId: RecordId;
}

export const recoveryErrors = errorVocabulary({
  recovery_unknown: 'not-found',
  /** Already decided, carried out, cancelled or expired. */
  recovery_decided: 'conflict',
  recovery_expired: 'conflict',
  /** This person already has an open recovery; approve or cancel it. */
  recovery_standing: 'conflict',
  recovery_person_unknown: 'not-found',
  /** Evidence references or reason are missing, too long, or not plain text. */
  recovery_malformed: 'invalid',
  /** The approver is of another institution than the person. */
  recovery_foreign: 'forbidden',
  /** The recovery concerns the caller, who may not open, approve or refuse it. */
  recovery_self: 'forbidden',
  /** The person who opened it, or who has already approved it, may not approve it. */
  recovery_same_person: 'forbidden',
  /** The approver was invited by the person concerned or by the person who opened the recovery. */
  recovery_not_independent: 'forbidden',
  /** The approver has none of the required functions, or the function has already approved. */
  recovery_function: 'forbidden',
  /** A risk signal is raised for the approver, e.g. a recent recovery of their own. */
  recovery_approver_unsettled: 'forbidden',
  /** The signed statement does not match the current recovery. */
  recovery_statement: 'forbidden',
  /** The person's previous access has not ended yet, so they cannot be invited. */
  recovery_not_ready: 'conflict',
  recovery_invitations_spent: 'conflict',
  /** Too many requests from one address. */
  recovery_requests_spent: 'rate-limited',
});

/** A person's own report of a lost authenticator. It proves nothing and opens no recovery. */
export interface RecoveryRequest {
  readonly person: PrincipalId;
  readonly institution: string;
  /** RFC 3339. */
  readonly firstAt: string;
  readonly lastAt: string;
  readonly times: number;
}

/**
 * Replaces lost authenticators. The person's identity is proved again, two people of different functions approve, and previous
 * access ends first.
 */
export interface Recoveries {
  /**
   * Opens a recovery with new evidence of the person's identity, and notifies the person.
   *
   * @param by a person of the same institution, or of the operator
   * @throws CodedError of {@link recoveryErrors}
   */
  open(
    recovery: {
      readonly person: PrincipalId;
      /** 1 to 10 references, each at most 200 characters. */
      readonly evidence: readonly string[];
      /** 1 to 400 characters. */
      readonly reason: string;
    },
    by: Actor,
  ): Promise<Recovery>;
  /** The statement for an approver to sign. @throws CodedError as {@link approve} */
  askToApprove(id: RecoveryId, approver: PrincipalId): Promise<AskedStatement>;
  /**
   * The second approval starts the recovery's next steps. @throws CodedError of {@link recoveryErrors}; each refusal is recorded
   */
  approve(id: RecoveryId, statement: SignedStatement): Promise<Recovery>;
  /** Refuses and ends the recovery; for anybody who may approve it. */
  refuse(id: RecoveryId, by: PrincipalId, reason: string): Promise<Recovery>;
  /** The statement with which the person cancels the recovery, signed with an authenticator that still works. */
  askToCancel(id: RecoveryId, person: PrincipalId): Promise<AskedStatement>;
  cancelOwn(id: RecoveryId, statement: SignedStatement): Promise<Recovery>;
  /** Cancels the recovery, for an operator. Also possible after the access has ended: open invitations then end too. */
  cancel(id: RecoveryId, by: Actor, reason: string): Promise<Recovery>;
  /**
   * Creates the enrolment link after all previous access has ended. At most three for each recovery; a new link invalidates the
   * previous one.
   */
  invite(id: RecoveryId, by: Actor): Promise<EnrolmentInvitation>;
  find(id: RecoveryId): Promise<Recovery | undefined>;
  /** Newest first, at most 100. */
  list(filter: { readonly institution?: string; readonly status?: RecoveryStatus }): Promise<readonly Recovery[]>;
  /** Recoveries that this person may approve now; at most 100. */
  waitingFor(approver: PrincipalId): Promise<readonly Recovery[]>;
  /** The person's open recovery, if any. */
  standingOf(person: PrincipalId): Promise<Recovery | undefined>;
  /** Requests from the public page for people in the directory; newest first, at most 100. */
  requests(institution: string | undefined): Promise<readonly RecoveryRequest[]>;
}
