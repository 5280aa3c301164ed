import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Random } from '@countersign/kernel';
import { type Html, html } from './html.ts';

export const csrfFieldName = 'csrf';

export interface CsrfToken {
  /** 256 random bits, base64url; only for the form. */
  readonly token: string;
  /** SHA-256, stored in the row of the interaction. */
  readonly hash: Uint8Array;
}

/** A token for one interaction: the form contains the token, the database only its hash. */
export function createCsrfToken(random: Random): CsrfToken {
  const token = Buffer.from(random.bytes(32)).toString('base64url');
  return { token, hash: hashOf(token) };
}

/**
 * Derives a token from a browser's 256-bit cookie secret. It is the same at every load of the page and needs no storage.
 *
 * @param purpose the form; a token is valid for one purpose only
 */
export function csrfTokenOf(browserSecret: string, purpose: string): CsrfToken {
  const token = createHmac('sha256', browserSecret).update(`countersign csrf ${purpose}`).digest('base64url');
  return { token, hash: hashOf(token) };
}

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
