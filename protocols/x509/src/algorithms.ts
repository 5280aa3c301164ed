import { type DerReader, readDerSequence } from './der/der-reader.ts';
import { derNull, derObjectIdentifier, derSequence } from './der/der-writer.ts';
import { readObjectIdentifier, readSmallInteger } from './der/read-values.ts';
import { contextConstructed, tags } from './der/tags.ts';
import { malformedDer, x509Errors } from './errors.ts';
import { objectIdentifiers as oid } from './object-identifiers.ts';
import type { HashName, SignatureScheme } from './signature-scheme.ts';

/** `AlgorithmIdentifier` (RFC 5280 section 4.1.1.2): the algorithm, and the encoding of its parameters. */
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

/** Digests as a message imprint or a CMS may name them. SHA-1 and older ones are none that a proof rests on. */
const hashes: ReadonlyMap<string, HashName> = new Map<string, HashName>([
  [oid.sha256, 'sha256'],
  [oid.sha384, 'sha384'],
  [oid.sha512, 'sha512'],
]);

/** @throws CodedError `algorithm_unsupported` */
export function hashNameOf({ algorithm, parameters }: AlgorithmIdentifier): HashName {
  const name = hashes.get(algorithm);
  if (name === undefined) throw unsupported(`digest ${algorithm}`);
  if (!isAbsentOrNull(parameters)) throw malformedDer('a digest algorithm with parameters');
  return name;
}

const hashIdentifiers = { sha1: oid.sha1, sha256: oid.sha256, sha384: oid.sha384, sha512: oid.sha512 } as const;

/** A digest algorithm as it is written: without parameters (RFC 5754 section 2). */
export function encodeHashAlgorithm(name: HashName): Uint8Array {
  return derSequence(derObjectIdentifier(hashIdentifiers[name]));
}

/** The same with NULL, as OpenSSL writes imprints: some authorities compare octets. */
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
 * How a signature algorithm is verified.
 *
 * @param digest the digest algorithm beside it in a CMS, which says what plain `rsaEncryption` signed (RFC 3370
 *   section 3.2)
 * @throws CodedError `algorithm_unsupported`
 */
export function signatureSchemeOf(identifier: AlgorithmIdentifier, digest?: HashName): SignatureScheme {
  const { algorithm, parameters } = identifier;
  if (algorithm === oid.rsassaPss) return pssScheme(parameters);
  if (algorithm === oid.rsaEncryption && digest !== undefined && isAbsentOrNull(parameters))
    return { kind: 'rsa-pkcs1', hash: digest };
  const scheme = schemes.get(algorithm);
  if (scheme === undefined || !isAbsentOrNull(parameters)) throw unsupported(`signature ${algorithm}`);
  return scheme;
}

function pssScheme(parameters: Uint8Array | undefined): SignatureScheme {
  if (parameters === undefined) throw unsupported('RSASSA-PSS with SHA-1');
  return { kind: 'rsa-pss', ...pssParametersOf(parameters) };
}

/**
 * RSASSA-PSS-params (RFC 4055 section 3.1), of a signature or of a key. Its defaults are SHA-1, so all that matters must
 * be said.
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
    throw unsupported('RSASSA-PSS with another mask');
  // One digest for both: what everybody writes, and all that is verified here.
  if (hashNameOf(readAlgorithmIdentifier(readDerSequence(mask.parameters))) !== hash)
    throw unsupported('RSASSA-PSS with two digests');
  if (saltLength < 0 || saltLength > 64) throw unsupported('RSASSA-PSS with such a salt');
  return { hash, saltLength };
}

function isAbsentOrNull(parameters: Uint8Array | undefined): boolean {
  return parameters === undefined || (parameters.length === 2 && parameters[0] === tags.null);
}

function unsupported(what: string) {
  return x509Errors.error('algorithm_unsupported', `The ${what} is not one that is verified here.`);
}
