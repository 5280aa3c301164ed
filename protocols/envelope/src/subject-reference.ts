import { createHmac } from 'node:crypto';
import { type Brand, equalInConstantTime } from '@countersign/kernel';

/** A keyed digest of a principal id, which only the holder of the key can resolve. 43 characters of base64url. */
export type SubjectReference = Brand<string, 'SubjectReference'>;

/** Domain separation: the same key used elsewhere never makes the same reference. */
const purpose = 'countersign-envelope-subject\0';
const minKeyBytes = 32;

/**
 * HMAC-SHA-256 over the principal id: an unkeyed digest could be guessed. Envelopes show only that the same principal
 * acted.
 *
 * @param key at least 32 random bytes, held by the issuing installation
 */
export function subjectReference(principal: string, key: Uint8Array): SubjectReference {
  if (key.length < minKeyBytes) throw new Error('the key for references is shorter than 32 bytes');
  return createHmac('sha256', key).update(purpose).update(principal).digest('base64url') as SubjectReference;
}

export function isReferenceOf(reference: string, principal: string, key: Uint8Array): boolean {
  return equalInConstantTime(reference, subjectReference(principal, key));
}
