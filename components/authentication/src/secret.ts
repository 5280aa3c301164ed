import { type Random, sha256 } from '@countersign/kernel';

const secretPattern = /^[\w-]{43}$/;

/** 256 random bits, base64url. */
export function newSecret(random: Random): string {
  return Buffer.from(random.bytes(32)).toString('base64url');
}

/** By its form. */
export function isSecret(text: string | undefined): text is string {
  return text !== undefined && secretPattern.test(text);
}

/** For storage. A plain hash suffices for 256 random bits, and look-up by hash leaks no timing. */
export function hashOfSecret(secret: string): Buffer {
  return sha256(secret);
}
