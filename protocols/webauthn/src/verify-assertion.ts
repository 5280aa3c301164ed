import { sha256 } from '@countersign/kernel';
import type { AuthenticatorKey } from '@countersign/oauth/signatures';
import { type AuthenticatorData, readAuthenticatorData } from './authenticator-data.ts';
import { readClientData, requireClientData } from './client-data.ts';
import { webAuthnErrors } from './errors.ts';
import { isSignatureOf } from './verify-signature.ts';

/** Maximum length of a signature in octets: RSA of 4,096 bits. */
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
  readonly origins: readonly string[];
}

export type VerifiedAssertion = Pick<AuthenticatorData, 'backupEligible' | 'backedUp' | 'counter'> & {
  readonly origin: string;
};

/**
 * Verifies an assertion (WebAuthn Level 3 section 7.2, steps 10 to 21) without state: user presence and verification, origin,
 * challenge and signature. A pure function, so that evidence can be verified again years later. The caller must check what
 * needs state: the counter, BE as registered, and single use of the challenge.
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
  // Section 6.1: only a registration contains a credential.
  if (data.attested !== undefined)
    throw webAuthnErrors.error('credential_malformed', 'An assertion does not hold a credential.');
  requireRpId(data, rpId);
  if (signature.length === 0 || signature.length > maxSignatureOctets)
    throw webAuthnErrors.error('credential_malformed', 'The signature has not the length of any.');
  if (!isSignatureOf(Buffer.concat([authenticatorData, sha256(clientDataJSON)]), signature, key))
    throw webAuthnErrors.error('signature_wrong', 'The signature does not verify.');
  // Checked after the signature, so that a refusal rests on data that the authenticator really signed.
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
