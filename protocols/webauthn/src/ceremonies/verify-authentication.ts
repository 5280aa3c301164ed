import { isCodedError } from '@countersign/kernel';
import { importAuthenticatorKey } from '@countersign/oauth/signatures';
import { coseKeyOfJwk, type PublicJwk } from '../cose-key.ts';
import { webAuthnErrors } from '../errors.ts';
import type { WebAuthnSignature } from '../statement.ts';
import { verifyAssertion } from '../verify-assertion.ts';
import { verifyAuthenticationResponse } from './library-clock.ts';
import type { RelyingParty } from './options.ts';
import type { Assertion } from './read-responses.ts';

/** What is kept of a credential. */
export interface RegisteredCredential {
  /** Base64url. */
  readonly credentialId: string;
  readonly jwk: PublicJwk;
  /** The highest that was seen; 0 for keys that do not count. */
  readonly counter: number;
  readonly backupEligible: boolean;
}

export interface VerifiedAuthentication {
  /** To be kept, in the same breath as it is compared: of two at once, one is a copy. */
  readonly counter: number;
  readonly backedUp: boolean;
  /** The assertion as records keep it. */
  readonly signature: WebAuthnSignature;
}

/**
 * Verifies an assertion against what is kept of its credential (WebAuthn Level 3 section 7.2). Our own verification comes
 * first, because what counts today must be verifiable by everybody later; then the library's, and either can refuse.
 *
 * Whether the challenge was given, to this person and only once, is for who gave it.
 *
 * @throws CodedError of `webAuthnErrors`: `counter_rolled_back` only for an assertion that verifies, so that nobody but the
 *   holder of a copy can raise it
 */
export async function verifyAuthentication({
  assertion,
  challenge,
  relyingParty,
  registered,
}: {
  readonly assertion: Assertion;
  /** Base64url. */
  readonly challenge: string;
  readonly relyingParty: RelyingParty;
  readonly registered: RegisteredCredential;
}): Promise<VerifiedAuthentication> {
  const { rpId, origins } = relyingParty;
  if (assertion.credentialId !== registered.credentialId)
    throw webAuthnErrors.error('credential_unknown', 'The answer is of another key than the one that was asked.');
  const verified = verifyAssertion(assertion, importAuthenticatorKey(registered.jwk), { challenge, rpId, origins });
  const response = {
    id: assertion.credentialId,
    rawId: assertion.credentialId,
    type: 'public-key' as const,
    clientExtensionResults: {},
    response: {
      authenticatorData: text(assertion.authenticatorData),
      clientDataJSON: text(assertion.clientDataJSON),
      signature: text(assertion.signature),
    },
  };
  await requireLibraryAgrees(() =>
    verifyAuthenticationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: [...origins],
      expectedRPID: rpId,
      // The counter is compared below: here a copy could not be told from a wrong signature.
      credential: { id: registered.credentialId, publicKey: coseKeyOfJwk(registered.jwk), counter: 0 },
    }),
  );
  if (verified.backupEligible !== registered.backupEligible)
    throw webAuthnErrors.error('backup_flags_changed', 'The key was registered with other properties than it now has.');
  if ((verified.counter > 0 || registered.counter > 0) && verified.counter <= registered.counter)
    throw webAuthnErrors.error('counter_rolled_back', 'The key has counted back: there may be a copy of it.', {
      facts: { counter: verified.counter, registered: registered.counter },
    });
  return {
    counter: verified.counter,
    backedUp: verified.backedUp,
    signature: {
      credential_id: assertion.credentialId,
      authenticator_data: response.response.authenticatorData,
      client_data_json: response.response.clientDataJSON,
      signature: response.response.signature,
      rp_id: rpId,
      origin: verified.origin,
    },
  };
}

async function requireLibraryAgrees(ask: () => Promise<{ readonly verified: boolean }>): Promise<void> {
  try {
    if ((await ask()).verified) return;
  } catch (cause) {
    if (isCodedError(cause)) throw cause;
    throw webAuthnErrors.error('signature_wrong', 'The signature does not verify.', { cause });
  }
  throw webAuthnErrors.error('signature_wrong', 'The signature does not verify.');
}

function text(octets: Uint8Array): string {
  return Buffer.from(octets).toString('base64url');
}
