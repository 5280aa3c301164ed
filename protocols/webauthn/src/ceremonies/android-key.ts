import { isCodedError } from '@countersign/kernel';
import type { AuthenticatorKey } from '@countersign/oauth/signatures';
import { type ParsedCertificate, type SignatureScheme, verifySignature } from '@countersign/x509';
import {
  readDer,
  readDerSequence,
  readExplicitFields,
  readInteger,
  readSmallInteger,
  tags,
} from '@countersign/x509/der';
import type { Cbor } from '../cbor.ts';
import { coseAlgorithms } from '../cose-key.ts';
import { webAuthnErrors } from '../errors.ts';

/** Android Keystore attestation, Key and ID Attestation Schema: the extension, and labels of an authorization list. */
const keyDescription = '1.3.6.1.4.1.11129.2.1.17';
const label = { purpose: 1, allApplications: 600, origin: 702 } as const;
const purposeSign = 2n;
const originGenerated = 0n;
/** Security levels: 0 is software. */
const hardwareLevels: ReadonlySet<number> = new Set([1, 2]);

const schemes: ReadonlyMap<Cbor | undefined, SignatureScheme> = new Map<Cbor | undefined, SignatureScheme>([
  [coseAlgorithms.ES256, { kind: 'ecdsa', hash: 'sha256' }],
  [coseAlgorithms.ES384, { kind: 'ecdsa', hash: 'sha384' }],
  [coseAlgorithms.ES512, { kind: 'ecdsa', hash: 'sha512' }],
  [coseAlgorithms.EdDSA, { kind: 'ed25519' }],
  [coseAlgorithms.RS256, { kind: 'rsa-pkcs1', hash: 'sha256' }],
]);

/**
 * Verifies a statement of the format `android-key` (WebAuthn Level 3 section 8.4) except its certificate chain. The key of the
 * first certificate must equal the credential's key and must have signed this registration, and the key must not be usable by
 * all applications.
 *
 * @param claim.chain at least the first certificate
 * @returns whether the certificate states that secure hardware generated and uses the key. Otherwise the statement only rests
 *   on the device's software
 * @throws CodedError `attestation_untrusted`
 */
export function verifyAndroidKey(claim: {
  readonly statement: ReadonlyMap<number | string, Cbor>;
  readonly chain: readonly ParsedCertificate[];
  readonly authenticatorData: Uint8Array;
  readonly clientDataHash: Uint8Array;
  readonly key: AuthenticatorKey;
}): { readonly inHardware: boolean } {
  const { statement, chain, authenticatorData, clientDataHash, key } = claim;
  const [leaf] = chain;
  const scheme = schemes.get(statement.get('alg'));
  const signature = statement.get('sig');
  if (leaf === undefined || scheme === undefined || !(signature instanceof Uint8Array))
    throw wrong('It lacks a part, or is of an algorithm that was not asked for.');
  if (!key.key.export({ format: 'der', type: 'spki' }).equals(leaf.publicKey))
    throw wrong('Its certificate is for another key.');
  const signed = Buffer.concat([authenticatorData, clientDataHash]);
  if (!verifySignature(leaf.publicKey, scheme, signed, signature)) throw wrong('Its signature does not verify.');
  const { challenge, level, software, hardware } = readDescription(leaf);
  if (!Buffer.from(challenge).equals(clientDataHash)) throw wrong('Its certificate was made for another registration.');
  for (const list of [software, hardware]) {
    if (list.allApplications) throw wrong('Its key is open to every application.');
    // If absent, nothing is claimed, and the key does not count as a hardware key.
    if ((list.origin ?? originGenerated) !== originGenerated) throw wrong('Its key was not generated in the device.');
    if (list.purposes?.some((purpose) => purpose !== purposeSign) === true)
      throw wrong('Its key is for other purposes than signing.');
  }
  const inHardware =
    hardwareLevels.has(level) &&
    hardware.origin === originGenerated &&
    hardware.purposes?.length === 1 &&
    hardware.purposes[0] === purposeSign;
  return { inHardware };
}

interface AuthorizationList {
  readonly allApplications: boolean;
  readonly origin: bigint | undefined;
  readonly purposes: readonly bigint[] | undefined;
}

function readDescription({ extensions }: ParsedCertificate) {
  const extension = extensions.get(keyDescription);
  if (extension === undefined) throw wrong('Its certificate does not describe the key.');
  try {
    const fields = readDerSequence(extension.value);
    fields.next(tags.integer);
    const level = readSmallInteger(fields.next(tags.enumerated));
    fields.next(tags.integer);
    fields.next(tags.enumerated);
    const challenge = fields.next(tags.octetString).content;
    fields.next(tags.octetString);
    const software = readAuthorizations(fields.next(tags.sequence).content);
    const hardware = readAuthorizations(fields.next(tags.sequence).content);
    fields.end();
    return { level, challenge, software, hardware };
  } catch (cause) {
    if (!isCodedError(cause)) throw cause;
    throw wrong('The description of the key in its certificate cannot be read.', cause);
  }
}

function readAuthorizations(content: Uint8Array): AuthorizationList {
  const fields = readExplicitFields(content);
  const origin = fields.get(label.origin);
  const purposes = fields.get(label.purpose);
  return {
    allApplications: fields.has(label.allApplications),
    origin: origin === undefined ? undefined : readInteger(readDer(origin).next(tags.integer)),
    purposes: purposes === undefined ? undefined : readPurposes(purposes),
  };
}

function readPurposes(field: Uint8Array): readonly bigint[] {
  const list = readDer(field).enter(tags.set);
  const purposes: bigint[] = [];
  while (!list.done) purposes.push(readInteger(list.next(tags.integer)));
  return purposes;
}

function wrong(detail: string, cause?: unknown) {
  return webAuthnErrors.error('attestation_untrusted', `What vouches for the key is wrong. ${detail}`, { cause });
}
