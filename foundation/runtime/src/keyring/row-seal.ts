import { createHmac, timingSafeEqual } from 'node:crypto';
import { canonicalize, type Json } from '@countersign/kernel';

/**
 * Seals what a component puts into a row for a later step of the same flow: a redirect under way, a challenge, a code. Whoever
 * has the component's database role can write such rows, and cannot seal them.
 *
 * A seal does not show that a row is the newest: an old row with its seal can be put back. What is good for longer than a few
 * minutes, or can end before its time, is held against the log instead (docs/adr/0043).
 */
export interface RowSeal {
  /** @param of table and key of the row, so that a seal moved to another row does not fit. @returns 32 bytes */
  seal(of: string, content: Json): Buffer;
  /** In constant time; false where there is no seal. */
  holds(of: string, content: Json, seal: Uint8Array | null | undefined): boolean;
}

/** HMAC-SHA-256 (RFC 2104) over the canonical form. @param key 32 bytes that are not in the database, the same on every node */
export function createRowSeal(key: Uint8Array): RowSeal {
  if (key.length !== 32) throw new Error('a key that seals rows has 32 bytes');
  const secret = Buffer.from(key);
  const seal = (of: string, content: Json): Buffer =>
    createHmac('sha256', secret)
      .update(canonicalize([of, content]))
      .digest();
  return {
    seal,
    holds(of, content, given) {
      return given?.length === 32 && timingSafeEqual(seal(of, content), given);
    },
  };
}
