import {
  type ExceptionId,
  errorVocabulary,
  type MandateId,
  type RecordId,
  type TransactionId,
} from '@countersign/kernel';
import type { Requester } from './requester.ts';

/**
 * Why something could not be carried on: a mandate that lapsed, an entitlement that was lost, an approval that expired
 * or was withdrawn, a partner that was not heard of in time, a partner that says otherwise than we do.
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
 * How a person deals with an exception.
 *
 * `fresh-mandate`: another mandate that permits the same intent, given by whom it is for or by who gave the lapsed one,
 * takes its place;
 * `restored`: what was missing is there again, as a check at that moment shows;
 * `accepted`: what a partner says, or that it is late, is taken for right; a transaction whose beginner has gone is taken
 * on by whoever accepts it;
 * `abandoned`: the transaction is not carried on (cancelled, where nothing has been executed; failed afterwards).
 */
export const exceptionResolutions = ['fresh-mandate', 'restored', 'accepted', 'abandoned'] as const;
export type ExceptionResolution = (typeof exceptionResolutions)[number];

/** Something a person must look at: it is not carried on silently, and silence does not heal it. */
export interface TransactionException {
  readonly id: ExceptionId;
  readonly cause: ExceptionCause;
  readonly transaction: TransactionId;
  /** The event that could not be carried out, or was waited for. */
  readonly event: string;
  /** E.g. `mandate_revoked`. */
  readonly reason: string;
  readonly detail: string;
  readonly status: 'open' | 'resolved';
  /** LEI of the institution that has to deal with it: the one whose authority is at fault, else the one that began. */
  readonly owner: string;
  /** RFC 3339; an open exception after it is overdue, and said to be so once. */
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
  /** Resolved already, otherwise than is asked for now. */
  exception_resolved: 'conflict',
  /** Only a person of the owner who holds a controlling role, and had no part in the transaction, resolves. */
  exception_authority: 'forbidden',
  /** What was missing is still missing. */
  exception_not_healed: 'conflict',
  exception_resolution_invalid: 'invalid',
  /** While an exception stands open the transaction is not carried on. */
  exception_open: 'conflict',
});

export interface ExceptionFilter {
  readonly transaction?: TransactionId;
  readonly status?: 'open' | 'resolved';
  /** Only of transactions this institution is a party to. */
  readonly party?: string;
  /** Only those this institution has to deal with. */
  readonly owner?: string;
  readonly overdue?: boolean;
}

export interface ExceptionRegister {
  /** Oldest first, at most 1,000. */
  exceptions(filter: ExceptionFilter): Promise<readonly TransactionException[]>;
  /**
   * Deals with an exception, once: recorded, then the way is free again. The same resolution by the same person again
   * returns the first result.
   *
   * @param by a person of the owner with one of the roles compliance, operations, risk or supervisor, who neither began,
   *   took over, carried on nor approved the transaction, nor asked for what raised the exception; nor did anybody through
   *   whom they act
   * @throws CodedError of {@link exceptionErrors}; `mandate_lapsed` where a fresh mandate does not permit the intent
   */
  resolveException(
    id: ExceptionId,
    resolution: { readonly kind: string; readonly reason: string; readonly mandate?: string },
    by: Requester,
  ): Promise<TransactionException>;
}
