import {
  type ExceptionId,
  errorVocabulary,
  type MandateId,
  type RecordId,
  type TransactionId,
} from '@countersign/kernel';
import type { Requester } from './requester.ts';

/**
 * Why a transaction cannot continue: the mandate lapsed, an entitlement was lost, an approval expired or was withdrawn, a partner
 * did not respond in time, or a partner's report contradicts ours.
 */
export const exceptionCauses = [
  'mandate',
  'entitlement',
  'approval',
  'partner-timeout',
  'mismatch',
  'departure',
] as const;
export type ExceptionCause = (typeof exceptionCauses)[number];

/**
 * How a person resolves an exception.
 * `fresh-mandate`: another mandate that permits the same intent replaces the lapsed one; its grantor is the institution that the
 * intent acts for, or the grantor of the lapsed mandate. `restored`: the missing condition is met again, as a check at that
 * moment confirms. `accepted`: the partner's report or its delay is accepted; a transaction whose initiator has left is taken
 * over by the person who accepts. `abandoned`: the transaction does not continue (cancelled if nothing was executed, failed
 * otherwise).
 */
export const exceptionResolutions = ['fresh-mandate', 'restored', 'accepted', 'abandoned'] as const;
export type ExceptionResolution = (typeof exceptionResolutions)[number];

/**
 * A condition that needs a person's resolution. The transaction does not continue until then, and the exception never ends by
 * itself.
 */
export interface TransactionException {
  readonly id: ExceptionId;
  readonly cause: ExceptionCause;
  readonly transaction: TransactionId;
  /** The event that could not be carried out, or that is overdue. */
  readonly event: string;
  /** E.g. `mandate_revoked`. */
  readonly reason: string;
  readonly detail: string;
  readonly status: 'open' | 'resolved';
  /** LEI of the institution that must resolve it: the one whose authority is at fault, otherwise the initiator's. */
  readonly owner: string;
  /** RFC 3339; an exception that is open after this time is overdue, which is reported once. */
  readonly dueAt: string;
  readonly overdue: boolean;
  /** RFC 3339. */
  readonly raisedAt: string;
  readonly recordId: RecordId;
  readonly resolution?: {
    readonly kind: ExceptionResolution;
    /** Principal id. */
    readonly by: string;
    readonly reason: string;
    /** RFC 3339. */
    readonly at: string;
    readonly recordId: RecordId;
    readonly mandate?: { readonly id: MandateId; readonly version: number };
  };
}

export const exceptionErrors = errorVocabulary({
  exception_not_found: 'not-found',
  /** Already resolved in another way. */
  exception_resolved: 'conflict',
  /** Only a person of the owner with a controlling role and no part in the transaction may resolve it. */
  exception_authority: 'forbidden',
  /** The missing condition is still not met. */
  exception_not_healed: 'conflict',
  exception_resolution_invalid: 'invalid',
  /** The transaction does not continue while an exception is open. */
  exception_open: 'conflict',
});

export interface ExceptionFilter {
  readonly transaction?: TransactionId;
  readonly status?: 'open' | 'resolved';
  /** Only transactions to which this institution is a party. */
  readonly party?: string;
  /** Only exceptions that this institution must resolve. */
  readonly owner?: string;
  readonly overdue?: boolean;
}

export interface ExceptionRegister {
  /** Oldest first, at most 1,000. */
  exceptions(filter: ExceptionFilter): Promise<readonly TransactionException[]>;
  /**
   * Resolves an exception, once; recorded before the transaction may continue. Repeating it with the same resolution by the same
   * person returns the first result.
   *
   * @param by a person of the owner with one of the roles compliance, operations, risk or supervisor. Neither they nor any
   * principal of their acting chain may have initiated, taken over, continued or approved the transaction, or requested the step
   * that raised the exception.
   * @throws CodedError of {@link exceptionErrors}; `mandate_lapsed` when a fresh mandate does not permit the intent
   */
  resolveException(
    id: ExceptionId,
    resolution: { readonly kind: string; readonly reason: string; readonly mandate?: string },
    by: Requester,
  ): Promise<TransactionException>;
}
