import { type Digest, digestOf } from '@countersign/kernel';
import type { SignedItem } from './approval-claims.ts';

/**
 * The one digest that stands for a whole batch: SHA-256 over the canonical form (RFC 8785) of the list of
 * `{ txn, intent_digest }`, in the order shown. An item that is left out, put in, changed or moved gives another.
 */
export function batchRoot(items: readonly SignedItem[]): Digest {
  return digestOf(items.map(({ txn, intentDigest }) => ({ txn, intent_digest: intentDigest })));
}
