import { hash } from 'node:crypto';
import { type Brand, equalInConstantTime, errorVocabulary } from '@countersign/kernel';
import { checkClaims, readSeconds, readString } from './claims.ts';
import { claimRefusalOf, type IssuedJwtRefusal, issuedJwtHeaders, verifyIssuedJwt } from './issued-jwt.ts';
import { type JsonObject, type JwtSigner, signCompactJws, type VerifiedClaims } from './jws.ts';
import { type IssuerAlgorithm, signatureAlgorithms, type VerificationKey } from './key-cache.ts';
import { asStrings, given, memberOf } from './members.ts';

/** It proves a recent sign-in and is not a session. */
export const maxIdTokenLifetimeSeconds = 3_600;

export const idTokenErrors = errorVocabulary({
  id_token_malformed: 'unauthenticated',
  id_token_algorithm: 'unauthenticated',
  id_token_signature: 'unauthenticated',
  id_token_type: 'unauthenticated',
  id_token_issuer: 'unauthenticated',
  id_token_key: 'unauthenticated',
  id_token_audience: 'unauthenticated',
  id_token_time: 'unauthenticated',
  id_token_expired: 'unauthenticated',
  id_token_claims: 'unauthenticated',
  id_token_nonce: 'unauthenticated',
  id_token_access_token: 'unauthenticated',
});

/** OpenID Connect Core section 2. */
export interface IdTokenClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string;
  readonly iat: number;
  readonly exp: number;
  /** Seconds since the epoch. */
  readonly auth_time: number;
  readonly nonce?: string;
  readonly acr?: string;
  readonly amr?: readonly string[];
  /** See {@link accessTokenHash}. */
  readonly at_hash?: string;
  /** Back-Channel Logout section 2.1. */
  readonly sid?: string;
}

export type VerifiedIdToken = Brand<IdTokenClaims, 'VerifiedIdToken'>;

/** It may have expired and does not prove that the person is present. */
export type IdTokenHint = Brand<IdTokenClaims, 'IdTokenHint'>;

export interface IdTokenExpectations {
  readonly issuer: string;
  readonly clientId: string;
  /** Of the authorization request; absent only if that had none. */
  readonly nonce?: string;
  /** Of the same response; the ID token must be bound to it. */
  readonly accessToken?: string;
  /** The issuer's key with this `kid`. */
  readonly keyOf: (kid: string) => VerificationKey | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const refuseJwt: IssuedJwtRefusal = (problem, detail) => refuse(`id_token_${problem}`, detail);
const refuseClaims = claimRefusalOf(refuseJwt);

/**
 * For the client (OpenID Connect Core section 3.1.3.7). @throws CodedError of {@link idTokenErrors}; for
 * `id_token_key`, fetch the key set again
 */
export function verifyIdToken(token: string, expected: IdTokenExpectations): VerifiedIdToken {
  const { claims, algorithm } = verifySigned(token, { ...expected, algorithms: signatureAlgorithms });
  checkClaims(
    claims,
    {
      nowSeconds: expected.now / 1000,
      required: ['exp', 'iat'],
      audience: [expected.clientId],
      maxLifetimeSeconds: maxIdTokenLifetimeSeconds,
    },
    refuseClaims,
  );
  const parsed = parseClaims(claims);
  if (expected.nonce !== undefined && parsed.nonce !== expected.nonce)
    throw refuse('id_token_nonce', 'Its nonce must be the one of the authorization request.');
  if (expected.accessToken !== undefined) checkAccessToken(parsed, expected.accessToken, algorithm);
  return parsed as VerifiedIdToken;
}

/**
 * For the issuer: identifies who signed in at which client, whatever its age (RP-Initiated Logout section 2). @throws
 * CodedError of {@link idTokenErrors}; after `id_token_key` the server can still ask the person
 */
export function verifyIdTokenHint(
  token: string,
  expected: Pick<IdTokenExpectations, 'issuer' | 'now'> & {
    /** Our own key with this `kid`, with the algorithm that we use it for. */
    readonly keyOf: (kid: string) => VerificationKey<IssuerAlgorithm> | undefined;
  },
): IdTokenHint {
  const { claims } = verifySigned(token, { ...expected, algorithms: [...signatureAlgorithms, 'RS256'] });
  checkClaims(
    claims,
    {
      nowSeconds: expected.now / 1000,
      required: ['exp', 'iat'],
      maxLifetimeSeconds: maxIdTokenLifetimeSeconds,
      acceptExpired: true,
    },
    refuseClaims,
  );
  return parseClaims(claims) as IdTokenHint;
}

function verifySigned(
  token: string,
  expected: {
    readonly issuer: string;
    readonly keyOf: (kid: string) => VerificationKey<IssuerAlgorithm> | undefined;
    readonly algorithms: readonly IssuerAlgorithm[];
  },
): { readonly claims: VerifiedClaims; readonly algorithm: IssuerAlgorithm } {
  let algorithm: IssuerAlgorithm | undefined;
  const keyOf = (kid: string) => {
    const key = expected.keyOf(kid);
    algorithm = key?.algorithm;
    return key;
  };
  const { issuer, algorithms } = expected;
  const claims = verifyIssuedJwt(token, { types: [undefined, 'JWT'], issuer, keyOf, algorithms }, refuseJwt);
  checkKind(claims);
  if (algorithm === undefined) throw new Error('an ID token was verified without a key');
  return { claims, algorithm };
}

/** ID tokens have no `typ` of their own, so these claims of other untyped JWTs are refused. */
const claimsOfOthers = ['code', 'error', 'events', 'token_introspection', 'response_type', 'scope', 'cnf'] as const;

function checkKind(claims: JsonObject): void {
  for (const name of claimsOfOthers) {
    if (Object.hasOwn(claims, name)) throw refuse('id_token_type', `It holds ${name}, which no ID token does.`);
  }
}

function parseClaims(claims: VerifiedClaims): IdTokenClaims {
  return {
    iss: required('iss', readString(claims, 'iss', 2_048)),
    // OpenID Connect Core section 2.
    sub: required('sub', readString(claims, 'sub', 255)),
    aud: required('aud', readString(claims, 'aud', 256)),
    iat: required('iat', readSeconds(claims, 'iat')),
    exp: required('exp', readSeconds(claims, 'exp')),
    auth_time: required('auth_time', readSeconds(claims, 'auth_time')),
    ...optional(claims, 'nonce', () => readString(claims, 'nonce', 512)),
    ...optional(claims, 'acr', () => readString(claims, 'acr', 256)),
    ...optional(claims, 'amr', () => asStrings(claims['amr'], { maxItems: 16, maxLength: 64 })),
    ...optional(claims, 'at_hash', () => readString(claims, 'at_hash', 128)),
    ...optional(claims, 'sid', () => readString(claims, 'sid', 256)),
  };
}

function required<Value>(name: string, value: Value | undefined): Value {
  if (value === undefined) throw refuse('id_token_claims', `Its claim ${name} is missing or malformed.`);
  return value;
}

/** A malformed claim is refused. */
function optional<Name extends string, Value>(
  claims: JsonObject,
  name: Name,
  read: () => Value | undefined,
): { readonly [name in Name]?: Value } {
  return memberOf(claims, name) === undefined ? {} : given(name, required(name, read()));
}

function checkAccessToken(claims: IdTokenClaims, accessToken: string, algorithm: IssuerAlgorithm): void {
  if (claims.at_hash === undefined || !equalInConstantTime(claims.at_hash, accessTokenHash(accessToken, algorithm)))
    throw refuse('id_token_access_token', 'Its at_hash must be that of the access token it came with.');
}

/**
 * `at_hash` (OpenID Connect Core section 3.1.3.6): left half of the hash. Ed25519 uses SHA-512 (RFC 8032 section 5.1).
 */
export function accessTokenHash(accessToken: string, algorithm: IssuerAlgorithm): string {
  const digest = hash(algorithm === 'EdDSA' ? 'sha512' : 'sha256', accessToken, 'buffer');
  return digest.subarray(0, digest.length / 2).toString('base64url');
}

export const idTokenHeader = issuedJwtHeaders('JWT');

export const signIdToken: JwtSigner<IdTokenClaims> = signCompactJws;

function refuse(code: keyof typeof idTokenErrors.codes, detail: string) {
  return idTokenErrors.error(code, `The ID token is not accepted. ${detail}`);
}
