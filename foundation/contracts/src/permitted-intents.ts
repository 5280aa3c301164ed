import type { TransactionId } from '@countersign/kernel';

// An intent is acted on once a token for it was permitted to whoever began it. The record of that token says so, by these names
// in the log's account of how things stand; the transaction registry and the decision point ask for them.

/** The newest token for the intent of this transaction that was permitted to whoever began it. */
export function permittedIntent(transaction: TransactionId): string {
  return `permitted:${transaction}`;
}

/**
 * That such a token, or one it was exchanged for, was permitted for an interface of this institution: whoever began it has sent
 * them the intent.
 *
 * @param institution LEI
 */
export function permittedAt(transaction: TransactionId, institution: string): string {
  return `permitted:${transaction}/${institution}`;
}
