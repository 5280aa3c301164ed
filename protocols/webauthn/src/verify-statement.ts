import { type Digest, decodeBase64Url, digestOf, isCodedError } from '@countersign/kernel';
import { type AuthenticatorKey, importAuthenticatorKey } from '@countersign/oauth/signatures';
import { maxAuthenticatorDataOctets } from './authenticator-data.ts';
import { maxClientDataOctets } from './client-data.ts';
import { webAuthnErrors } from './errors.ts';
import type { StatementClaims, WebAuthnSignature } from './statement.ts';
import { maxSignatureOctets, type VerifiedAssertion, verifyAssertion } from './verify-assertion.ts';

/** The challenge by which an authenticator signs claims: SHA-256 over their canonical form (RFC 8785), base64url. */
export function statementChallenge(claims: StatementClaims): Digest {
  return digestOf(claims);
}

/** A statement with a valid signature, and its key. */
export interface VerifiedStatement extends VerifiedAssertion {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
}

/**
 * Verifies that an authenticator signed exactly these claims, offline and without state: see `verifyAssertion`. The caller
 * must check the claims themselves (person, expiry, subject matter) and whose key it is.
 *
 * @param statement.jwk the registered public key: EC P-256, P-384 or P-521, Ed25519, or RSA of 2,048 to 4,096 bits
 * @throws CodedError of `webAuthnErrors`
 */
export function verifyStatement({
  claims,
  signature,
  jwk,
  expected: { rpId, origins },
}: {
  readonly claims: StatementClaims;
  readonly signature: WebAuthnSignature;
  readonly jwk: unknown;
  readonly expected: { readonly rpId: string; readonly origins: readonly string[] };
}): VerifiedStatement {
  const key = importKey(jwk);
  if (signature.rp_id !== rpId)
    throw webAuthnErrors.error('rp_id_wrong', 'The signature is for another service than ours.');
  const verified = verifyAssertion(
    {
      authenticatorData: octets(signature.authenticator_data, maxAuthenticatorDataOctets),
      clientDataJSON: octets(signature.client_data_json, maxClientDataOctets),
      signature: octets(signature.signature, maxSignatureOctets),
    },
    key,
    { challenge: challengeOf(claims), rpId, origins },
  );
  if (verified.origin !== signature.origin)
    throw webAuthnErrors.error('origin_wrong', 'The key was used at another address than is stated.');
  return { ...verified, kid: key.thumbprint };
}

function challengeOf(claims: StatementClaims): string {
  try {
    return statementChallenge(claims);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    throw webAuthnErrors.error('credential_malformed', 'The claims have no canonical form.', { cause: error });
  }
}

function importKey(jwk: unknown): AuthenticatorKey {
  try {
    return importAuthenticatorKey(jwk);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    throw webAuthnErrors.error('credential_malformed', `The key cannot be used. ${error.detail}`, { cause: error });
  }
}

function octets(text: string, most: number): Uint8Array {
  const decoded = text.length <= Math.ceil((most * 4) / 3) ? decodeBase64Url(text) : undefined;
  if (decoded === undefined)
    throw webAuthnErrors.error('credential_malformed', 'A part of the signature is not base64url, or too long.');
  return decoded;
}
