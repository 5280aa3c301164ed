import { type Random, sha256 } from '@countersign/kernel';

const secretPattern = /^[\w-]{43}$/;

/** 256 random bits, base64url: what a cookie or the address of a page holds. */
export function newSecret(random: Random): string {
  return Buffer.from(random.bytes(32)).toString('base64url');
}

/** Whether a text can be one of ours; anything else is not worth asking the database. */
export function isSecret(text: string | undefined): text is string {
  return text !== undefined && secretPattern.test(text);
}

/**
 * What is stored in its place. A plain hash is enough for 256 random bits; rows are found by it, so that how long a
 * comparison takes says nothing about a secret.
 */
export function hashOfSecret(secret: string): Buffer {
  return sha256(secret);
}
