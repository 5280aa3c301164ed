import { hash, timingSafeEqual } from 'node:crypto';
import type { Brand } from './brand.ts';
import { canonicalize } from './canonical-json.ts';

/** SHA-256 over canonical JSON, base64url without padding: 43 characters. */
export type Digest = Brand<string, 'Digest'>;
declare const intent: unique symbol;
/** The {@link Digest} of a canonical intent: the same value in step-up, approval, token, settlement and evidence. */
export type IntentDigest = Digest & { readonly [intent]: true };

export function sha256(data: Uint8Array | string): Buffer {
  return hash('sha256', data, 'buffer');
}

/** SHA-256 as base64url without padding. */
export function sha256Base64Url(data: Uint8Array | string): string {
  return hash('sha256', data, 'base64url');
}

/** {@link sha256Base64Url} of an octet string whose digest is stored or compared as a {@link Digest}. */
export function sha256Digest(data: Uint8Array | string): Digest {
  return sha256Base64Url(data) as Digest;
}

/** Digest of a JSON value by its canonical form (RFC 8785), so that formatting and key order do not matter. */
export function digestOf(value: unknown): Digest {
  return sha256Digest(canonicalize(value));
}

/** {@link digestOf} for an intent. The caller guarantees that `intent` is a parsed authorization detail. */
export function intentDigestOf(intent: unknown): IntentDigest {
  return digestOf(intent) as IntentDigest;
}

const digestPattern = /^[A-Za-z0-9_-]{43}$/;

/** Parses a digest; undefined when the format is wrong. */
export function parseDigest(text: unknown): Digest | undefined {
  return typeof text === 'string' && digestPattern.test(text) ? (text as Digest) : undefined;
}

/** Compares two strings in a time that does not depend on where they differ. The lengths are not hidden. */
export function equalInConstantTime(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

const base64UrlPattern = /^[A-Za-z0-9_-]*$/;
const base64Pattern = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Decodes base64url without padding (RFC 7515 section 2), strictly: a foreign character, padding, an impossible length or
 * non-zero trailing bits give undefined. Node's own decoder ignores such errors, so that two texts could represent the same
 * bytes.
 */
export function decodeBase64Url(text: string): Buffer | undefined {
  if (!base64UrlPattern.test(text) || text.length % 4 === 1) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  return text.length % 4 === 0 || bytes.toString('base64url') === text ? bytes : undefined;
}

/** Decodes padded base64 (RFC 4648 section 4), strictly: see {@link decodeBase64Url}. */
export function decodeBase64(text: string): Buffer | undefined {
  if (text.length % 4 !== 0 || !base64Pattern.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
