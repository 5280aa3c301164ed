import { isUtf8 } from 'node:buffer';
import { constants, type VerifyKeyObjectInput, verify } from 'node:crypto';
import { type Brand, type CodedError, decodeBase64Url, type Json, parseJson, unreachable } from '@countersign/kernel';
import { type IssuerAlgorithm, type JwsAlgorithm, signatureAlgorithms, type VerificationKey } from './key-cache.ts';

/** Longest compact JWS that is looked at, in characters, where the caller names no other limit. */
export const maxJwsLength = 16_384;

export type JsonObject = { readonly [key: string]: Json };

/** What of a JOSE header is read. Other members are ignored, as RFC 7515 section 4 asks, except the refused ones below. */
export interface JwsHeader<Algorithm extends IssuerAlgorithm = JwsAlgorithm> {
  readonly alg: Algorithm;
  readonly typ?: string;
  readonly kid?: string;
  /** Only where the caller expects a key in the header (DPoP). Unchecked. */
  readonly jwk?: Json;
}

/** Taken apart, not yet verified: nothing in it may be believed, only used to find the key. */
export interface UnverifiedJws<Algorithm extends IssuerAlgorithm = JwsAlgorithm> {
  readonly header: JwsHeader<Algorithm>;
  readonly unverifiedClaims: JsonObject;
  readonly signingInput: string;
  readonly signature: Buffer;
}

/** Claims whose signature has been verified. */
export type VerifiedClaims = Brand<JsonObject, 'VerifiedClaims'>;

/** In which way a JWS is wrong; the caller has its own code for each. */
export type JwsProblem = 'malformed' | 'algorithm' | 'signature';

/** Makes the error of the caller's vocabulary. */
export type JwsRefusal = (problem: JwsProblem, detail: string) => CodedError;

/**
 * Header members that change how a JWS is read or where its key comes from. We follow none of them, and ignoring
 * one would let two readers see two things (RFC 8725 sections 3.1, 3.10): `crit` and `b64` (RFC 7797) alter the
 * signed bytes, `zip` and `enc` belong to encryption, the others name a key of the sender's choice.
 */
const refusedMembers = ['crit', 'b64', 'zip', 'enc', 'jku', 'x5u', 'x5c'] as const;

/**
 * Takes a JWS in compact serialization apart (RFC 7515 section 7.1), strictly: three parts of strict base64url,
 * JSON objects without doubled keys, one of the three algorithms unless the caller names others. Every other text is
 * refused, the JSON serialization and `none` in any spelling included.
 *
 * @throws what `refuse` makes, for `malformed` and `algorithm`
 */
export function parseCompactJws(
  text: string,
  refuse: JwsRefusal,
  options?: { readonly keyInHeader?: boolean; readonly maxLength?: number },
): UnverifiedJws;
export function parseCompactJws(
  text: string,
  refuse: JwsRefusal,
  options: { readonly maxLength?: number; readonly algorithms: readonly IssuerAlgorithm[] },
): UnverifiedJws<IssuerAlgorithm>;
export function parseCompactJws(
  text: string,
  refuse: JwsRefusal,
  options: {
    readonly keyInHeader?: boolean;
    readonly maxLength?: number;
    readonly algorithms?: readonly IssuerAlgorithm[];
  } = {},
): UnverifiedJws<IssuerAlgorithm> {
  const maxLength = options.maxLength ?? maxJwsLength;
  if (text.length > maxLength) throw refuse('malformed', `It is longer than ${maxLength} characters.`);
  const first = text.indexOf('.');
  const last = text.lastIndexOf('.');
  if (first < 1 || last === first || text.indexOf('.', first + 1) !== last)
    throw refuse('malformed', 'It is not a JWS in compact serialization with three parts.');
  const header = parseHeader(readPart(text.slice(0, first), 'header', refuse), refuse, options);
  const unverifiedClaims = readPart(text.slice(first + 1, last), 'payload', refuse);
  const signature = decodeBase64Url(text.slice(last + 1));
  if (signature === undefined || signature.length === 0) throw refuse('malformed', 'Its signature is not base64url.');
  return { header, unverifiedClaims, signingInput: text.slice(0, last), signature };
}

function readPart(part: string, name: string, refuse: JwsRefusal): JsonObject {
  const bytes = decodeBase64Url(part);
  if (bytes === undefined) throw refuse('malformed', `Its ${name} is not base64url.`);
  // Invalid UTF-8 decodes to replacement characters: two byte strings would then read the same.
  if (!isUtf8(bytes)) throw refuse('malformed', `Its ${name} is not valid UTF-8.`);
  const parsed = parseJson(bytes.toString('utf8'), { maxLength: bytes.length });
  if (!parsed.ok) throw refuse('malformed', `Its ${name} cannot be read: ${parsed.problem}.`);
  if (!isJsonObject(parsed.value)) throw refuse('malformed', `Its ${name} is not a JSON object.`);
  return parsed.value;
}

function parseHeader(
  header: JsonObject,
  refuse: JwsRefusal,
  {
    keyInHeader = false,
    algorithms = signatureAlgorithms,
  }: { readonly keyInHeader?: boolean; readonly algorithms?: readonly IssuerAlgorithm[] },
): JwsHeader<IssuerAlgorithm> {
  for (const member of refusedMembers) {
    if (Object.hasOwn(header, member)) throw refuse('malformed', `Its header holds ${member}, which is not accepted.`);
  }
  if (!keyInHeader && Object.hasOwn(header, 'jwk'))
    throw refuse('malformed', 'Its header brings its own key; keys come from registration.');
  const alg = algorithms.find((algorithm) => algorithm === header['alg']);
  if (alg === undefined) throw refuse('algorithm', `Its alg must be one of ${algorithms.join(', ')}.`);
  const typ = header['typ'];
  const kid = header['kid'];
  if (typ !== undefined && (typeof typ !== 'string' || typ.length > 64))
    throw refuse('malformed', 'Its typ is not a short string.');
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > 256))
    throw refuse('malformed', 'Its kid is not a short string.');
  return {
    alg,
    ...(typ === undefined ? {} : { typ }),
    ...(kid === undefined ? {} : { kid }),
    ...(header['jwk'] === undefined ? {} : { jwk: header['jwk'] }),
  };
}

/**
 * Checks the signature with a key and the one algorithm of that key; the header must name the same algorithm,
 * so that the sender never chooses how a key is used (RFC 8725 section 3.1).
 *
 * @throws what `refuse` makes, for `algorithm` and `signature`
 */
export function verifyJws(
  jws: UnverifiedJws<IssuerAlgorithm>,
  key: VerificationKey<IssuerAlgorithm>,
  refuse: JwsRefusal,
): VerifiedClaims {
  checkAlgorithm(jws, key, refuse);
  return verified(jws, verify(...signatureOf(jws, key)), refuse);
}

/**
 * The same on a thread of the pool: for what comes with every request, since a signature takes as long as all else of it
 * together, and other requests need not wait for that.
 *
 * @throws as {@link verifyJws}
 */
export async function verifyJwsAside(
  jws: UnverifiedJws,
  key: VerificationKey,
  refuse: JwsRefusal,
): Promise<VerifiedClaims> {
  checkAlgorithm(jws, key, refuse);
  const verifies = await new Promise<boolean>((resolve, reject) => {
    // Not `promisify`: this room is loaded by pages as well, and they lack `node:util`.
    verify(...signatureOf(jws, key), (error, result) => (error === null ? resolve(result) : reject(error)));
  });
  return verified(jws, verifies, refuse);
}

function checkAlgorithm(
  { header }: UnverifiedJws<IssuerAlgorithm>,
  key: VerificationKey<IssuerAlgorithm>,
  refuse: JwsRefusal,
): void {
  if (header.alg !== key.algorithm)
    throw refuse('algorithm', `Its alg does not fit the key, which is for ${key.algorithm}.`);
}

function verified(jws: UnverifiedJws<IssuerAlgorithm>, verifies: boolean, refuse: JwsRefusal): VerifiedClaims {
  if (!verifies) throw refuse('signature', 'Its signature does not verify.');
  return jws.unverifiedClaims as VerifiedClaims;
}

/** What is to be verified, and how: the arguments of `verify` of `node:crypto`. */
function signatureOf(
  { signingInput, signature }: UnverifiedJws<IssuerAlgorithm>,
  { key, algorithm }: VerificationKey<IssuerAlgorithm>,
): [algorithm: string | null, data: Buffer, key: VerifyKeyObjectInput, signature: Buffer] {
  const data = Buffer.from(signingInput, 'latin1');
  switch (algorithm) {
    case 'ES256':
      return ['sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature];
    case 'EdDSA':
      return [null, data, { key }, signature];
    case 'PS256':
      return ['sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature];
    case 'RS256':
      return ['sha256', data, { key, padding: constants.RSA_PKCS1_PADDING }, signature];
    default:
      return unreachable(algorithm);
  }
}

/** A JOSE header in its encoded form; made once for each key and reused for every token. */
export type EncodedHeader = Brand<string, 'EncodedHeader'>;

export function encodeHeader(header: {
  readonly alg: IssuerAlgorithm;
  readonly typ: string;
  readonly kid?: string;
  readonly jwk?: JsonObject;
}): EncodedHeader {
  return Buffer.from(JSON.stringify(header)).toString('base64url') as EncodedHeader;
}

/**
 * Signs claims into a compact JWS.
 *
 * @param sign gets the signing input (RFC 7515 section 5.1) and answers in the JOSE form of the algorithm that
 *   the header names
 */
export async function signCompactJws(
  header: EncodedHeader,
  claims: object,
  sign: (signingInput: Uint8Array) => Promise<Uint8Array>,
): Promise<string> {
  const signingInput = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  const signature = await sign(Buffer.from(signingInput, 'latin1'));
  return `${signingInput}.${Buffer.from(signature.buffer, signature.byteOffset, signature.byteLength).toString('base64url')}`;
}

function isJsonObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
