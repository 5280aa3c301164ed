import {
  contextConstructed,
  type DerReader,
  derNull,
  derObjectIdentifier,
  derSequence,
  readDerSequence,
  readObjectIdentifier,
  readSmallInteger,
  tags,
} from '../der/index.ts';
import { malformedDer, x509Errors } from '../errors.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';

export type HashName = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** A supported signature algorithm. ECDSA signatures are DER (`Ecdsa-Sig-Value`, RFC 3279). */
export type SignatureScheme =
  | { readonly kind: 'ecdsa'; readonly hash: HashName }
  | { readonly kind: 'rsa-pkcs1'; readonly hash: HashName }
  | { readonly kind: 'rsa-pss'; readonly hash: HashName; readonly saltLength: number }
  | { readonly kind: 'ed25519' };

/** `AlgorithmIdentifier` (RFC 5280 section 4.1.1.2): object identifier and encoded parameters. */
export interface AlgorithmIdentifier {
  readonly algorithm: string;
  readonly parameters?: Uint8Array;
}

export function readAlgorithmIdentifier(reader: DerReader): AlgorithmIdentifier {
  const algorithm = readObjectIdentifier(reader.next(tags.objectIdentifier));
  const parameters = reader.done ? undefined : reader.any().encoding;
  reader.end();
  return parameters === undefined ? { algorithm } : { algorithm, parameters };
}

/** Digests accepted in a message imprint or a CMS. SHA-1 is not accepted: its collisions are practical. */
const hashes: ReadonlyMap<string, HashName> = new Map<string, HashName>([
  [oid.sha256, 'sha256'],
  [oid.sha384, 'sha384'],
  [oid.sha512, 'sha512'],
]);

/**
 * @throws CodedError `algorithm_unsupported`
 */
export function hashNameOf({ algorithm, parameters }: AlgorithmIdentifier): HashName {
  const name = hashes.get(algorithm);
  if (name === undefined) throw unsupported(`The digest algorithm ${algorithm}`);
  if (!isAbsentOrNull(parameters)) throw malformedDer('a digest algorithm has parameters');
  return name;
}

const hashIdentifiers = { sha1: oid.sha1, sha256: oid.sha256, sha384: oid.sha384, sha512: oid.sha512 } as const;

/** A digest algorithm without parameters (RFC 5754 section 2). */
export function encodeHashAlgorithm(name: HashName): Uint8Array {
  return derSequence(derObjectIdentifier(hashIdentifiers[name]));
}

/** A digest algorithm with NULL parameters, as OpenSSL writes imprints: some authorities compare octets. */
export function encodeHashAlgorithmWithNull(name: HashName): Uint8Array {
  return derSequence(derObjectIdentifier(hashIdentifiers[name]), derNull());
}

const schemes: ReadonlyMap<string, SignatureScheme> = new Map<string, SignatureScheme>([
  [oid.ecdsaWithSha256, { kind: 'ecdsa', hash: 'sha256' }],
  [oid.ecdsaWithSha384, { kind: 'ecdsa', hash: 'sha384' }],
  [oid.ecdsaWithSha512, { kind: 'ecdsa', hash: 'sha512' }],
  [oid.sha256WithRsa, { kind: 'rsa-pkcs1', hash: 'sha256' }],
  [oid.sha384WithRsa, { kind: 'rsa-pkcs1', hash: 'sha384' }],
  [oid.sha512WithRsa, { kind: 'rsa-pkcs1', hash: 'sha512' }],
  [oid.ed25519, { kind: 'ed25519' }],
]);

/**
 * The scheme of a signature algorithm.
 *
 * @param digest the digest algorithm of the CMS signer, which plain `rsaEncryption` needs (RFC 3370 section 3.2)
 * @throws CodedError `algorithm_unsupported`
 */
export function signatureSchemeOf(identifier: AlgorithmIdentifier, digest?: HashName): SignatureScheme {
  const { algorithm, parameters } = identifier;
  if (algorithm === oid.rsassaPss) return pssScheme(parameters);
  if (algorithm === oid.rsaEncryption && digest !== undefined && isAbsentOrNull(parameters))
    return { kind: 'rsa-pkcs1', hash: digest };
  const scheme = schemes.get(algorithm);
  if (scheme === undefined || !isAbsentOrNull(parameters)) throw unsupported(`The signature algorithm ${algorithm}`);
  return scheme;
}

function pssScheme(parameters: Uint8Array | undefined): SignatureScheme {
  if (parameters === undefined) throw unsupported('RSASSA-PSS with SHA-1');
  return { kind: 'rsa-pss', ...pssParametersOf(parameters) };
}

/**
 * RSASSA-PSS-params (RFC 4055 section 3.1) of a signature or a key. The default digest is SHA-1, so both digests must be
 * given.
 *
 * @throws CodedError `algorithm_unsupported`, `der_malformed`
 */
export function pssParametersOf(parameters: Uint8Array): { readonly hash: HashName; readonly saltLength: number } {
  const reader = readDerSequence(parameters);
  const hashField = reader.enterOptional(contextConstructed(0));
  const maskField = reader.enterOptional(contextConstructed(1));
  const saltField = reader.enterOptional(contextConstructed(2));
  const trailerField = reader.enterOptional(contextConstructed(3));
  reader.end();
  if (hashField === undefined || maskField === undefined) throw unsupported('RSASSA-PSS with SHA-1');
  const hash = hashNameOf(readAlgorithmIdentifier(hashField.enter(tags.sequence)));
  const mask = readAlgorithmIdentifier(maskField.enter(tags.sequence));
  const saltLength = saltField === undefined ? 20 : readSmallInteger(saltField.next(tags.integer));
  const trailer = trailerField === undefined ? 1 : readSmallInteger(trailerField.next(tags.integer));
  if (mask.algorithm !== oid.mgf1 || mask.parameters === undefined || trailer !== 1)
    throw unsupported('RSASSA-PSS with a mask function other than MGF1');
  // Common software uses one digest for message and mask; nothing else is supported.
  if (hashNameOf(readAlgorithmIdentifier(readDerSequence(mask.parameters))) !== hash)
    throw unsupported('RSASSA-PSS with two digests');
  if (saltLength < 0 || saltLength > 64) throw unsupported('RSASSA-PSS with a salt of more than 64 octets');
  return { hash, saltLength };
}

function isAbsentOrNull(parameters: Uint8Array | undefined): boolean {
  return parameters === undefined || (parameters.length === 2 && parameters[0] === tags.null);
}

function unsupported(what: string) {
  return x509Errors.error('algorithm_unsupported', `${what} is not supported.`);
}
