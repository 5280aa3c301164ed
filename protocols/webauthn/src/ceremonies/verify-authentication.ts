import { isCodedError } from '@countersign/kernel';
import { importAuthenticatorKey } from '@countersign/oauth/signatures';
import { coseKeyOfJwk, type PublicJwk } from '../cose-key.ts';
import { webAuthnErrors } from '../errors.ts';
import type { WebAuthnSignature } from '../statement.ts';
import { verifyAssertion } from '../verify-assertion.ts';
import { verifyAuthenticationResponse } from './library-clock.ts';
import type { RelyingParty } from './options.ts';
import type { Assertion } from './read-responses.ts';

export interface RegisteredCredential {
  /** Base64url. */
  readonly credentialId: string;
  readonly jwk: PublicJwk;
  /** The highest counter seen; 0 for authenticators without a counter. */
  readonly counter: number;
  readonly backupEligible: boolean;
}

export interface VerifiedAuthentication {
  /** The caller must compare and store the counter atomically: of two concurrent equal counters, one is from a copy. */
  readonly counter: number;
  readonly backedUp: boolean;
  /** The assertion in the form for audit records. */
  readonly signature: WebAuthnSignature;
}

/**
 * Verifies an assertion against its stored credential (WebAuthn Level 3 section 7.2). Our own verification runs first, because
 * accepted evidence must be verifiable later by everyone. The library's verification follows; either can refuse.
 *
 * The caller must check that it issued the challenge to this person and that it is used only once.
 *
 * @throws CodedError of `webAuthnErrors`: `counter_rolled_back` only for an assertion that verifies, so that only the holder
 *   of a copy can cause it
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
      // The counter is compared below, because the library would not distinguish a copy from an invalid signature.
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
