import { type Digest, digestOf } from '@countersign/kernel';

/**
 * What an authenticator is asked to sign: the nonce of this showing of the page, or, where it is for intents, a hash
 * that holds both, so that the assertion is for these intents and for nothing else.
 *
 * @returns 32 bytes, base64url
 */
export function challengeOf(nonce: string, intents: readonly Digest[] | undefined): string {
  if (intents === undefined || intents.length === 0) return nonce;
  return digestOf({ typ: 'countersign-step-up+webauthn', intents, nonce });
}
