import { type Digest, defined, isCodedError, parseDigest, sha256 } from '@countersign/kernel';
import { type ParsedCertificate, readX509Certificate } from '@countersign/x509';
import { type AttestedCredential, readAuthenticatorData } from '../authenticator-data.ts';
import { type Cbor, readCbor } from '../cbor.ts';
import { readClientData, requireClientData } from '../client-data.ts';
import { algorithms, jwkOfCoseKey, type PublicJwk } from '../cose-key.ts';
import { webAuthnErrors } from '../errors.ts';
import { requirePresence, requireRpId } from '../verify-assertion.ts';
import { verifyAndroidKey } from './android-key.ts';
import { type AttestationTrust, leadsToRoot } from './attestation-trust.ts';
import type { AttestationWorth, JudgedAuthenticator } from './judge-registration.ts';
import { verifyRegistrationResponse, withoutValidity } from './library-clock.ts';
import type { RelyingParty } from './options.ts';
import type { Registration } from './read-responses.ts';

/** A credential just created on our page, with user verification. */
export interface VerifiedRegistration extends JudgedAuthenticator {
  /** Base64url. */
  readonly credentialId: string;
  /** RFC 7638 thumbprint of {@link jwk}. */
  readonly kid: Digest;
  readonly jwk: PublicJwk;
  readonly backedUp: boolean;
  readonly counter: number;
  readonly transports: readonly string[];
  /** Model name, if the metadata lists it. */
  readonly model?: string;
  readonly rpId: string;
  readonly origin: string;
}

/** Supported attestation statement formats; `android-safetynet` is discontinued. */
export const attestationFormats = ['none', 'packed', 'fido-u2f', 'tpm', 'apple', 'android-key'] as const;

const maxChain = 6;

/**
 * Verifies a registration (WebAuthn Level 3 section 7.1). It reports the trust level of the attestation; `judgeRegistration`
 * decides on it. The caller must check that it issued the challenge and that the credential is not registered yet.
 *
 * @param request.at milliseconds since the epoch: the time at which the manufacturer's certificates must be valid. The system
 *   clock is not used
 * @throws CodedError of `webAuthnErrors`: `attestation_untrusted` for an invalid attestation or an unknown format
 */
export async function verifyRegistration({
  registration,
  challenge,
  relyingParty,
  trust,
  at,
}: {
  readonly registration: Registration;
  /** Base64url. */
  readonly challenge: string;
  readonly relyingParty: RelyingParty;
  readonly trust: AttestationTrust;
  readonly at: number;
}): Promise<VerifiedRegistration> {
  const { rpId, origins } = relyingParty;
  const clientData = readClientData(registration.clientDataJSON);
  requireClientData(clientData, { type: 'webauthn.create', challenge, origins });
  const { format, statement, authenticatorData } = readAttestationObject(registration.attestationObject);
  const data = readAuthenticatorData(authenticatorData);
  requireRpId(data, rpId);
  const credential = requireCredential(data.attested, registration);
  const { jwk, key } = jwkOfCoseKey(credential.publicKey);
  const aaguid = uuidOf(credential.aaguid);
  const chain = readChain(statement.get('x5c'));
  let vouched = true;
  // For this format the library fetches addresses from certificates, which anyone can forge.
  if (format === 'android-key') {
    const clientDataHash = sha256(registration.clientDataJSON);
    vouched = verifyAndroidKey({ statement, chain: chain ?? [], authenticatorData, clientDataHash, key }).inHardware;
  } else await requireAttestationHolds(registration, chain?.[0], challenge, relyingParty);
  requirePresence(data);
  const kid = parseDigest(key.thumbprint);
  if (kid === undefined) throw new Error('a thumbprint is a digest');
  const model = trust.metadata.get(aaguid)?.description;
  return {
    credentialId: registration.credentialId,
    kid,
    jwk,
    aaguid,
    backupEligible: data.backupEligible,
    backedUp: data.backedUp,
    counter: data.counter,
    transports: registration.transports,
    attestation: worthOf(format, statement, () => vouched && leadsToRoot(chain ?? [], aaguid, trust, at)),
    attestationFormat: format,
    ...defined({ model }),
    rpId,
    origin: clientData.origin,
  };
}

/** WebAuthn Level 3 section 6.5.4. */
function readAttestationObject(octets: Uint8Array): {
  readonly format: string;
  readonly statement: ReadonlyMap<number | string, Cbor>;
  readonly authenticatorData: Uint8Array;
} {
  const object = readCbor(octets);
  if (!(object instanceof Map)) throw malformed('The attestation object is no map.');
  const format = object.get('fmt');
  const statement = object.get('attStmt');
  const authenticatorData = object.get('authData');
  if (typeof format !== 'string' || !(statement instanceof Map) || !(authenticatorData instanceof Uint8Array))
    throw malformed('The attestation object lacks a part.');
  if (!attestationFormats.some((known) => known === format))
    throw webAuthnErrors.error('attestation_untrusted', 'The key is attested in a way that is not understood here.');
  return { format, statement, authenticatorData };
}

function requireCredential(
  attested: AttestedCredential | undefined,
  { credentialId }: Registration,
): AttestedCredential {
  if (attested === undefined) throw malformed('The registration holds no credential.');
  if (Buffer.from(attested.credentialId).toString('base64url') !== credentialId)
    throw malformed('The credential has another id than its registration.');
  return attested;
}

/** Section 7.1, steps 21 and 22, by the library: that the statement fits its format and its signature holds. */
async function requireAttestationHolds(
  { credentialId, clientDataJSON, attestationObject }: Registration,
  leaf: ParsedCertificate | undefined,
  challenge: string,
  { rpId, origins }: RelyingParty,
): Promise<void> {
  const text = (octets: Uint8Array): string => Buffer.from(octets).toString('base64url');
  const shown = leaf === undefined ? attestationObject : withoutValidity(attestationObject, leaf);
  let cause: unknown;
  try {
    const { verified } = await verifyRegistrationResponse({
      response: {
        id: credentialId,
        rawId: credentialId,
        type: 'public-key',
        clientExtensionResults: {},
        response: { clientDataJSON: text(clientDataJSON), attestationObject: text(shown) },
      },
      expectedChallenge: challenge,
      expectedOrigin: [...origins],
      expectedRPID: rpId,
      supportedAlgorithmIDs: [...algorithms],
      // Checked below on the attested data.
      requireUserPresence: false,
      requireUserVerification: false,
    });
    if (verified) return;
  } catch (error) {
    if (isCodedError(error)) throw error;
    cause = error;
  }
  throw webAuthnErrors.error('attestation_untrusted', 'What vouches for the key is wrong.', { cause });
}

function worthOf(
  format: string,
  statement: ReadonlyMap<number | string, Cbor>,
  isTrusted: () => boolean,
): AttestationWorth {
  if (format === 'none') return 'none';
  // Section 8.2: without certificates, the credential's own key signed.
  if (statement.get('x5c') === undefined) return 'self';
  return isTrusted() ? 'trusted' : 'untrusted';
}

/** Undefined if there are none or one is malformed; the chain is then untrusted. */
function readChain(certificates: Cbor | undefined): readonly ParsedCertificate[] | undefined {
  if (!Array.isArray(certificates) || certificates.length > maxChain) return undefined;
  const chain: ParsedCertificate[] = [];
  for (const certificate of certificates) {
    if (!(certificate instanceof Uint8Array)) return undefined;
    try {
      chain.push(readX509Certificate(certificate));
    } catch (error) {
      if (isCodedError(error)) return undefined;
      throw error;
    }
  }
  return chain;
}

function uuidOf(octets: Uint8Array): string {
  const hex = Buffer.from(octets).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function malformed(detail: string) {
  return webAuthnErrors.error('credential_malformed', detail);
}
