import type { TransactionId } from '@countersign/kernel';

// The first permitted token shows that the initiator has started to act on an intent. The record of that token sets a standing
// under these names; the transaction registry and the decision point read it.

/** The newest token that was permitted to the initiator for the intent of this transaction. */
export function permittedIntent(transaction: TransactionId): string {
  return `permitted:${transaction}`;
}

/**
 * A token of the initiator, or one exchanged from it, was permitted for an interface of this institution: the initiator has sent
 * the intent to it.
 *
 * @param institution LEI
 */
export function permittedAt(transaction: TransactionId, institution: string): string {
  return `permitted:${transaction}/${institution}`;
}
