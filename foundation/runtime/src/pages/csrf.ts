import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Random } from '@countersign/kernel';
import { type Html, html } from './html.ts';

/** The name of the hidden field. */
export const csrfFieldName = 'csrf';

export interface CsrfToken {
  /** 256 random bits, base64url, for the form alone. */
  readonly token: string;
  /** SHA-256, for the row of the interaction. */
  readonly hash: Uint8Array;
}

/** A token for one interaction: the form carries it, the database only its hash. */
export function createCsrfToken(random: Random): CsrfToken {
  const token = Buffer.from(random.bytes(32)).toString('base64url');
  return { token, hash: hashOf(token) };
}

/**
 * The token of a browser that holds a 256-bit secret in a cookie: the same however often the page is loaded, and
 * nothing to store.
 *
 * @param purpose which form; a token for one is none for another
 */
export function csrfTokenOf(browserSecret: string, purpose: string): CsrfToken {
  const token = createHmac('sha256', browserSecret).update(`countersign csrf ${purpose}`).digest('base64url');
  return { token, hash: hashOf(token) };
}

/** The hidden field of a form. */
export function csrfField(token: string): Html {
  return html`<input type="hidden" name="${csrfFieldName}" value="${token}">`;
}

/** Compared in constant time. */
export function matchesCsrfToken(sent: string | undefined, hash: Uint8Array): boolean {
  return sent !== undefined && sent.length <= 64 && hash.length === 32 && timingSafeEqual(hashOf(sent), hash);
}

function hashOf(token: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(token).digest());
}
