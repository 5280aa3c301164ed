import { createHmac, timingSafeEqual } from 'node:crypto';
import { canonicalize, type Json } from '@countersign/kernel';

/**
 * Seals a row that a later step of the same flow reads: a pending redirect, a challenge, a code. An attacker with the component's
 * database role can write such rows but cannot seal them.
 * A seal does not prove that a row is current: an old row with its seal can be restored. Rows that are valid for more than a few
 * minutes, or that can end early, are compared with the log instead (docs/adr/0043).
 */
export interface RowSeal {
  /**
   *
   * @param of table and key of the row, so that the seal is invalid for another row @returns 32 bytes
   */
  seal(of: string, content: Json): Buffer;
  /** Compares in constant time; false without a seal. */
  holds(of: string, content: Json, seal: Uint8Array | null | undefined): boolean;
}

/** HMAC-SHA-256 (RFC 2104) over the canonical form. @param key 32 bytes from outside the database, the same on every node */
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
