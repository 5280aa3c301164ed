import { isUtf8 } from 'node:buffer';
import { constants, type VerifyKeyObjectInput, verify } from 'node:crypto';
import { type Brand, type CodedError, decodeBase64Url, type Json, parseJson, unreachable } from '@countersign/kernel';
import { type IssuerAlgorithm, type JwsAlgorithm, signatureAlgorithms, type VerificationKey } from './key-cache.ts';

/** Characters. */
export const maxJwsLength = 16_384;

export type JsonObject = { readonly [key: string]: Json };

/** Others are ignored (RFC 7515 section 4), except {@link refusedMembers}. */
export interface JwsHeader<Algorithm extends IssuerAlgorithm = JwsAlgorithm> {
  readonly alg: Algorithm;
  readonly typ?: string;
  readonly kid?: string;
  /** Only for DPoP. Not validated. */
  readonly jwk?: Json;
  /** Only for signatures with a certificate: the certificates, and statements of their revocation. Not validated. */
  readonly x5c?: Json;
  readonly ocsp?: Json;
}

/** Untrusted: may only be used to find the key. */
export interface UnverifiedJws<Algorithm extends IssuerAlgorithm = JwsAlgorithm> {
  readonly header: JwsHeader<Algorithm>;
  readonly unverifiedClaims: JsonObject;
  readonly signingInput: string;
  readonly signature: Buffer;
}

export type VerifiedClaims = Brand<JsonObject, 'VerifiedClaims'>;

/** Each caller has its own error code for each. */
export type JwsProblem = 'malformed' | 'algorithm' | 'signature';

/** Makes the error of the caller's vocabulary. */
export type JwsRefusal = (problem: JwsProblem, detail: string) => CodedError;

/**
 * Unsupported. Ignoring one could make two parsers disagree (RFC 8725 sections 3.1, 3.10): they change the signed
 * bytes, belong to encryption, or let the sender choose the key.
 */
const refusedMembers = ['crit', 'b64', 'zip', 'enc', 'jku', 'x5u', 'x5c'] as const;

/**
 * RFC 7515 section 7.1, strict: no JSON serialization, no duplicate members, no `none`. @throws the error of `refuse`
 * for `malformed` and `algorithm`
 */
export function parseCompactJws(
  text: string,
  refuse: JwsRefusal,
  options?: { readonly keyInHeader?: boolean; readonly certificateInHeader?: boolean; readonly maxLength?: number },
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
    readonly certificateInHeader?: boolean;
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
  // Different invalid bytes would decode to the same text.
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
    certificateInHeader = false,
    algorithms = signatureAlgorithms,
  }: {
    readonly keyInHeader?: boolean;
    readonly certificateInHeader?: boolean;
    readonly algorithms?: readonly IssuerAlgorithm[];
  },
): JwsHeader<IssuerAlgorithm> {
  for (const member of refusedMembers) {
    if (member === 'x5c' && certificateInHeader) continue;
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
    ...(certificateInHeader ? certificatesIn(header) : {}),
  };
}

function certificatesIn({ x5c, ocsp }: JsonObject): Pick<JwsHeader, 'x5c' | 'ocsp'> {
  return { ...(x5c === undefined ? {} : { x5c }), ...(ocsp === undefined ? {} : { ocsp }) };
}

/**
 * The header must name the key's only algorithm, so that the sender cannot choose it (RFC 8725 section 3.1). @throws
 * the error of `refuse` for `algorithm` and `signature`
 */
export function verifyJws(
  jws: UnverifiedJws<IssuerAlgorithm>,
  key: VerificationKey<IssuerAlgorithm>,
  refuse: JwsRefusal,
): VerifiedClaims {
  checkAlgorithm(jws, key, refuse);
  return verified(jws, verify(...signatureOf(jws, key)), refuse);
}

/** {@link verifyJws} on a pool thread, for signatures that come with every request. @throws as {@link verifyJws} */
export async function verifyJwsAside(
  jws: UnverifiedJws,
  key: VerificationKey,
  refuse: JwsRefusal,
): Promise<VerifiedClaims> {
  checkAlgorithm(jws, key, refuse);
  const verifies = await new Promise<boolean>((resolve, reject) => {
    // Not `promisify`: web pages load this package without `node:util`.
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

/** Arguments for `verify` of `node:crypto`. */
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

/** Built once per key. */
export type EncodedHeader = Brand<string, 'EncodedHeader'>;

export function encodeHeader(header: {
  readonly alg: IssuerAlgorithm;
  readonly typ: string;
  readonly kid?: string;
  readonly jwk?: JsonObject;
  readonly x5c?: readonly string[];
  readonly ocsp?: readonly string[];
}): EncodedHeader {
  return Buffer.from(JSON.stringify(header)).toString('base64url') as EncodedHeader;
}

/** Receives the signing input. @returns the signature in JOSE form */
export type SignBytes = (signingInput: Uint8Array) => Promise<Uint8Array>;

export type JwtSigner<Claims> = (claims: Claims, header: EncodedHeader, sign: SignBytes) => Promise<string>;

/** @param sign receives the signing input (RFC 7515 section 5.1) and returns the signature in JOSE form */
export async function signCompactJws(claims: object, header: EncodedHeader, sign: SignBytes): Promise<string> {
  const signingInput = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  const signature = await sign(Buffer.from(signingInput, 'latin1'));
  return `${signingInput}.${Buffer.from(signature.buffer, signature.byteOffset, signature.byteLength).toString('base64url')}`;
}

function isJsonObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * RFC 7515 section 4.1.9: case-insensitive; `application/` may be omitted. @param accepted `undefined` permits a JWS
 * without `typ`
 */
export function hasType({ typ }: Pick<JwsHeader, 'typ'>, ...accepted: readonly (string | undefined)[]): boolean {
  const named = mediaTypeOf(typ);
  return accepted.some((type) => mediaTypeOf(type) === named);
}

/** ASCII only (RFC 6838 section 4.2): case folding must not map other letters to ASCII. */
function mediaTypeOf(typ: string | undefined): string | undefined {
  if (typ === undefined) return undefined;
  const lower = typ.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
  return lower.includes('/') ? lower : `application/${lower}`;
}
