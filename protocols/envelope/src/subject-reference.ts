import { createHmac } from 'node:crypto';
import { type Brand, equalInConstantTime } from '@countersign/kernel';

/** A keyed digest of a principal id: says who only to whoever holds the key. 43 characters of base64url. */
export type SubjectReference = Brand<string, 'SubjectReference'>;

/** So that the same key used elsewhere never makes the same reference. */
const purpose = 'countersign-envelope-subject\0';
const minKeyBytes = 32;

/**
 * The reference by which a principal is named outside its installation: HMAC-SHA-256 over the principal id. Ids are
 * few and can be guessed, so an unkeyed digest would give them away. One principal has one reference under one key:
 * whoever sees several envelopes can tell that the same one acted, and no more.
 *
 * @param principal e.g. `person:anna.keller`
 * @param key at least 32 random bytes, kept by the installation that issues envelopes
 */
export function subjectReference(principal: string, key: Uint8Array): SubjectReference {
  if (key.length < minKeyBytes) throw new Error('the key for references is shorter than 32 bytes');
  return createHmac('sha256', key).update(purpose).update(principal).digest('base64url') as SubjectReference;
}

/** Does a reference stand for this principal? For the holder of the key. */
export function isReferenceOf(reference: string, principal: string, key: Uint8Array): boolean {
  return equalInConstantTime(reference, subjectReference(principal, key));
}
