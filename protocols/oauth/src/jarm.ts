import { type Brand, errorVocabulary } from '@countersign/kernel';
import { checkClaims, readString } from './claims.ts';
import { claimRefusalOf, type IssuedJwtRefusal, issuedJwtHeaders, verifyIssuedJwt } from './issued-jwt.ts';
import { type JsonObject, type JwtSigner, signCompactJws } from './jws.ts';
import type { VerificationKey } from './key-cache.ts';
import { given, memberOf } from './members.ts';

/** JARM section 2.1. */
export const maxAuthorizationResponseLifetimeSeconds = 600;

export const authorizationResponseErrors = errorVocabulary({
  authorization_response_malformed: 'unauthenticated',
  authorization_response_algorithm: 'unauthenticated',
  authorization_response_signature: 'unauthenticated',
  authorization_response_type: 'unauthenticated',
  authorization_response_issuer: 'unauthenticated',
  authorization_response_key: 'unauthenticated',
  authorization_response_audience: 'unauthenticated',
  authorization_response_time: 'unauthenticated',
  authorization_response_expired: 'unauthenticated',
  authorization_response_parameters: 'unauthenticated',
});

/** RFC 6749 sections 4.1.2 and 4.1.2.1. */
export type AuthorizationResponse =
  | { readonly code: string; readonly state?: string }
  | { readonly error: string; readonly error_description?: string; readonly state?: string };

export type VerifiedAuthorizationResponse = Brand<AuthorizationResponse, 'VerifiedAuthorizationResponse'>;

/** JARM section 2.1. `iss` (RFC 9207) appears only here (FAPI 2.0 Message Signing section 5.4.1). */
export type AuthorizationResponseClaims = AuthorizationResponse & {
  readonly iss: string;
  readonly aud: string;
  readonly exp: number;
};

/** Expires in five minutes; its code earlier. `now` in milliseconds. */
export function composeAuthorizationResponse(of: {
  readonly issuer: string;
  readonly clientId: string;
  readonly response: AuthorizationResponse;
  readonly now: number;
}): AuthorizationResponseClaims {
  return { ...of.response, iss: of.issuer, aud: of.clientId, exp: Math.floor(of.now / 1000) + 300 };
}

const refuseJwt: IssuedJwtRefusal = (problem, detail) =>
  refuse(problem === 'claims' ? 'authorization_response_parameters' : `authorization_response_${problem}`, detail);
const refuseClaims = claimRefusalOf(refuseJwt);

/**
 * For the client (JARM section 2.4), which must compare `state`. @param text parameter `response` @throws CodedError of
 * {@link authorizationResponseErrors}; for `authorization_response_key`, fetch the key set again
 */
export function verifyAuthorizationResponse(
  text: string,
  expected: {
    /** The server that received the request. */
    readonly issuer: string;
    readonly clientId: string;
    /** The issuer's key with this `kid`. */
    readonly keyOf: (kid: string) => VerificationKey | undefined;
    /** Milliseconds since the epoch. */
    readonly now: number;
  },
): VerifiedAuthorizationResponse {
  const claims = verifyIssuedJwt(text, { types: [undefined, 'JWT'], ...expected }, refuseJwt);
  checkClaims(
    claims,
    {
      nowSeconds: expected.now / 1000,
      required: ['exp'],
      audience: [expected.clientId],
      startsAt: 'now',
      maxLifetimeSeconds: maxAuthorizationResponseLifetimeSeconds,
    },
    refuseClaims,
  );
  return parseResponse(claims) as VerifiedAuthorizationResponse;
}

/** No `typ` of its own: unlike an ID token it has a code or an error and no subject. */
function parseResponse(claims: JsonObject): AuthorizationResponse {
  if (memberOf(claims, 'sub') !== undefined || memberOf(claims, 'events') !== undefined)
    throw refuse('authorization_response_type', 'It holds claims of another kind of token.');
  const state = readParameter(claims, 'state', 512);
  const code = readParameter(claims, 'code', 2_048);
  const error = readParameter(claims, 'error', 128);
  if (code !== undefined && error === undefined) return { code, ...given('state', state) };
  if (error !== undefined && code === undefined)
    return {
      error,
      ...given('error_description', readParameter(claims, 'error_description', 1_024)),
      ...given('state', state),
    };
  throw refuse('authorization_response_parameters', 'It must hold either a code or an error.');
}

function readParameter(claims: JsonObject, name: string, maxLength: number): string | undefined {
  if (memberOf(claims, name) === undefined) return undefined;
  const value = readString(claims, name, maxLength);
  if (value === undefined) throw refuse('authorization_response_parameters', `Its ${name} is malformed.`);
  return value;
}

export const authorizationResponseHeader = issuedJwtHeaders('JWT');

export const signAuthorizationResponse: JwtSigner<AuthorizationResponseClaims> = signCompactJws;

function refuse(code: keyof typeof authorizationResponseErrors.codes, detail: string) {
  return authorizationResponseErrors.error(code, `The authorization response is not accepted. ${detail}`);
}
