import { sha256 } from '@countersign/kernel';
import type { AuthenticatorKey } from '@countersign/oauth/signatures';
import { type AuthenticatorData, readAuthenticatorData } from './authenticator-data.ts';
import { readClientData, requireClientData } from './client-data.ts';
import { webAuthnErrors } from './errors.ts';
import { isSignatureOf } from './verify-signature.ts';

/** Longest signature that is looked at, in octets: RSA of 4,096 bits. */
export const maxSignatureOctets = 512;

/** The octets of an assertion (WebAuthn Level 3 section 5.2.2). */
export interface AssertionOctets {
  readonly authenticatorData: Uint8Array;
  readonly clientDataJSON: Uint8Array;
  readonly signature: Uint8Array;
}

export interface AssertionExpectations {
  /** Base64url. */
  readonly challenge: string;
  readonly rpId: string;
  /** Exact origins; one of them. */
  readonly origins: readonly string[];
}

/** What an assertion says that holds. */
export type VerifiedAssertion = Pick<AuthenticatorData, 'backupEligible' | 'backedUp' | 'counter'> & {
  /** At which of the expected origins. */
  readonly origin: string;
};

/**
 * Verifies an assertion (WebAuthn Level 3 section 7.2, steps 10 to 21) without state: that the user was there and verified,
 * at our page, for this challenge, and that the key signed it. Pure; the same answer in ten years. What needs memory
 * (counter, BE as registered, a challenge used twice) is for who keeps it.
 *
 * @throws CodedError of `webAuthnErrors`
 */
export function verifyAssertion(
  { authenticatorData, clientDataJSON, signature }: AssertionOctets,
  key: AuthenticatorKey,
  { challenge, rpId, origins }: AssertionExpectations,
): VerifiedAssertion {
  const clientData = readClientData(clientDataJSON);
  requireClientData(clientData, { type: 'webauthn.get', challenge, origins });
  const data = readAuthenticatorData(authenticatorData);
  // Section 6.1: only a registration holds a credential.
  if (data.attested !== undefined)
    throw webAuthnErrors.error('credential_malformed', 'An assertion does not hold a credential.');
  requireRpId(data, rpId);
  if (signature.length === 0 || signature.length > maxSignatureOctets)
    throw webAuthnErrors.error('credential_malformed', 'The signature has not the length of any.');
  if (!isSignatureOf(Buffer.concat([authenticatorData, sha256(clientDataJSON)]), signature, key))
    throw webAuthnErrors.error('signature_wrong', 'The signature does not verify.');
  // Behind the signature: what is refused for what an authenticator says was said by it.
  requirePresence(data);
  const { backupEligible, backedUp, counter } = data;
  return { backupEligible, backedUp, counter, origin: clientData.origin };
}

/** @throws CodedError `rp_id_wrong` */
export function requireRpId({ rpIdHash }: AuthenticatorData, rpId: string): void {
  if (!sha256(rpId).equals(rpIdHash))
    throw webAuthnErrors.error('rp_id_wrong', 'The key answered for another service than ours.');
}

/** @throws CodedError `user_not_present`, `user_not_verified` */
export function requirePresence({ userPresent, userVerified }: AuthenticatorData): void {
  if (!userPresent) throw webAuthnErrors.error('user_not_present', 'Nobody touched the key.');
  if (!userVerified)
    throw webAuthnErrors.error('user_not_verified', 'The key did not ask who is using it (PIN, fingerprint or face).');
}
