import { type Digest, errorVocabulary, type RecordId, type RecoveryId } from '@countersign/kernel';
import type { Actor } from './audit-log.ts';
import type { AskedStatement, EnrolmentInvitation, SignedStatement } from './authenticators.ts';
import type { PrincipalId } from './principals.ts';

/** Types of the statements that people sign about a recovery. */
export const recoveryStatementTypes = {
  approve: 'countersign-recovery+webauthn',
  cancel: 'countersign-recovery-cancel+webauthn',
} as const;

/** A part of the firm that answers for a recovery: whoever holds one of its roles may speak for it. */
export interface RecoveryFunction {
  /** E.g. `line`, `control`. */
  readonly name: string;
  readonly roles: readonly string[];
}

/**
 * `waiting`: for approvals; `approved`: what the person had is being ended; `ended`: it has, and the person may be
 * invited; `invited`: they may enrol; `completed`: they have. The others end it.
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

/** A lost factor, from its report to its replacement. */
export interface Recovery {
  readonly id: RecoveryId;
  readonly person: PrincipalId;
  /** LEI. */
  readonly institution: string;
  readonly status: RecoveryStatus;
  /** Principal that opened it. */
  readonly openedBy: string;
  /** RFC 3339. */
  readonly openedAt: string;
  /** Until then it must be through, enrolment included. */
  readonly expiresAt: string;
  readonly reason: string;
  /** References to what proved who the person is. */
  readonly evidence: readonly string[];
  /** SHA-256 over person, reason and evidence: what approvers sign. */
  readonly digest: Digest;
  readonly approvals: readonly {
    readonly by: PrincipalId;
    readonly function: string;
    readonly at: string;
    readonly recordId: RecordId;
  }[];
  /** Names of the functions that have not approved yet. */
  readonly missing: readonly string[];
  /** RFC 3339: nothing that moves value until then; once the person has enrolled. */
  readonly coolingOffUntil?: string;
  /** Of its `recovery.opened`. */
  readonly recordId: RecordId;
}

export const recoveryErrors = errorVocabulary({
  recovery_unknown: 'not-found',
  /** Decided, carried out, cancelled or over already. */
  recovery_decided: 'conflict',
  recovery_expired: 'conflict',
  /** One stands for this person: it is approved or cancelled, not opened twice. */
  recovery_standing: 'conflict',
  recovery_person_unknown: 'not-found',
  /** Evidence references and reason are plain text of bounded length; there must be some. */
  recovery_malformed: 'invalid',
  /** Of another institution than the person's. */
  recovery_foreign: 'forbidden',
  /** Nobody opens, approves or refuses what is about themselves. */
  recovery_self: 'forbidden',
  /** Who opened it, or has approved it already, does not approve it. */
  recovery_same_person: 'forbidden',
  /** Let in by the person whom it is about, or by who opened it. */
  recovery_not_independent: 'forbidden',
  /** None of the functions that are asked, or one that has approved already. */
  recovery_function: 'forbidden',
  /** Something is unusual about who would approve: a recovery of their own, for one. */
  recovery_approver_unsettled: 'forbidden',
  /** What was signed is not this recovery as it stands. */
  recovery_statement: 'forbidden',
  /** What the person had has not ended yet: nobody is invited before. */
  recovery_not_ready: 'conflict',
  recovery_invitations_spent: 'conflict',
  /** Too many requests from one address. */
  recovery_requests_spent: 'rate-limited',
});

/** A person's word that they have lost their factor; it proves nothing and opens nothing. */
export interface RecoveryRequest {
  readonly person: PrincipalId;
  readonly institution: string;
  /** RFC 3339. */
  readonly firstAt: string;
  readonly lastAt: string;
  readonly times: number;
}

/** Replaces lost factors: identity proved again, two people of different functions, what was held ended first. */
export interface Recoveries {
  /**
   * Opens a recovery, with the evidence by which the person's identity was proved again. The person is told.
   *
   * @param by of the person's institution, or of the operator of the installation
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
  /** What an approver is asked to sign. @throws CodedError as {@link approve} */
  askToApprove(id: RecoveryId, approver: PrincipalId): Promise<AskedStatement>;
  /** The second approval begins what follows. @throws CodedError of {@link recoveryErrors}; each refusal is recorded */
  approve(id: RecoveryId, statement: SignedStatement): Promise<Recovery>;
  /** One who may approve says no: it ends. */
  refuse(id: RecoveryId, by: PrincipalId, reason: string): Promise<Recovery>;
  /** What the person signs, with an authenticator that still works, to say that nothing is lost. */
  askToCancel(id: RecoveryId, person: PrincipalId): Promise<AskedStatement>;
  cancelOwn(id: RecoveryId, statement: SignedStatement): Promise<Recovery>;
  /** By an operator. Also after what the person had has ended: open invitations end with it. */
  cancel(id: RecoveryId, by: Actor, reason: string): Promise<Recovery>;
  /**
   * The link with which the person enrols, once everything they had has ended. At most three of a recovery; a new one
   * ends the one before.
   */
  invite(id: RecoveryId, by: Actor): Promise<EnrolmentInvitation>;
  find(id: RecoveryId): Promise<Recovery | undefined>;
  /** Newest first, at most 100. */
  list(filter: { readonly institution?: string; readonly status?: RecoveryStatus }): Promise<readonly Recovery[]>;
  /** Those that this person may approve now; at most 100. */
  waitingFor(approver: PrincipalId): Promise<readonly Recovery[]>;
  /** The one that stands for a person, if any. */
  standingOf(person: PrincipalId): Promise<Recovery | undefined>;
  /** Requests from the public page, of people whom the directory knows; newest first, at most 100. */
  requests(institution: string | undefined): Promise<readonly RecoveryRequest[]>;
}
