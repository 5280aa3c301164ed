import { type Brand, errorVocabulary } from '@countersign/kernel';
import { checkClaims } from './claims.ts';
import {
  claimRefusalOf,
  type IssuedJwtRefusal,
  issuedJwtHeader,
  type SigningKeyName,
  verifyIssuedJwt,
} from './issued-jwt.ts';
import { type EncodedHeader, type JsonObject, signCompactJws } from './jws.ts';
import type { VerificationKey } from './key-cache.ts';
import { asJsonObject, memberOf } from './members.ts';

/** Media type of a signed response, in `Accept` and `Content-Type`: RFC 9701 sections 4 and 5. */
export const introspectionResponseMediaType = 'application/token-introspection+jwt';

/** Longest response that is looked at, in characters: it repeats what the token holds, and says more. */
const maxLength = 32_768;

/** A response says what was true at its `iat`, and has no end of its own: so long after it is still taken, in seconds. */
export const introspectionResponseFreshnessSeconds = 60;

/** Why a signed introspection response is not accepted. */
export const introspectionResponseErrors = errorVocabulary({
  introspection_response_malformed: 'unauthenticated',
  introspection_response_algorithm: 'unauthenticated',
  introspection_response_signature: 'unauthenticated',
  introspection_response_type: 'unauthenticated',
  introspection_response_issuer: 'unauthenticated',
  introspection_response_key: 'unauthenticated',
  introspection_response_audience: 'unauthenticated',
  introspection_response_time: 'unauthenticated',
  introspection_response_expired: 'unauthenticated',
  introspection_response_claims: 'unauthenticated',
});

/**
 * What introspection says of a token (RFC 7662 section 2.2). Of one that is not active for whoever asks it says
 * nothing else.
 */
export type Introspection =
  | { readonly active: false }
  | { readonly active: true; readonly [member: string]: JsonObject[string] };

/** An introspection response whose signature, type, issuer, audience and age were checked. */
export type VerifiedIntrospection = Brand<Introspection, 'VerifiedIntrospection'>;

/** Claims of a signed introspection response (RFC 9701 section 5): these, and no `sub` or `exp` beside them. */
export interface IntrospectionResponseClaims {
  readonly iss: string;
  /** The resource server that asked, as its client_id. */
  readonly aud: string;
  readonly iat: number;
  readonly token_introspection: Introspection;
}

/** The claims of a response. Whatever `introspection` holds, an inactive token is told of by nothing but `active`. */
export function composeIntrospectionResponse(of: {
  readonly issuer: string;
  /** client_id of the resource server that asked. */
  readonly audience: string;
  readonly introspection: Introspection;
  /** Milliseconds since the epoch. */
  readonly now: number;
}): IntrospectionResponseClaims {
  return {
    iss: of.issuer,
    aud: of.audience,
    iat: Math.floor(of.now / 1000),
    token_introspection: of.introspection.active ? of.introspection : { active: false },
  };
}

const refuseJwt: IssuedJwtRefusal = (problem, detail) => refuse(`introspection_response_${problem}`, detail);
const refuseClaims = claimRefusalOf(refuseJwt);

/**
 * Verifies a signed introspection response as the resource server that asked for it (RFC 9701 section 5).
 *
 * @throws CodedError of {@link introspectionResponseErrors}
 */
export function verifyIntrospectionResponse(
  text: string,
  expected: {
    readonly issuer: string;
    /** Our own client_id. */
    readonly audience: string;
    /** The issuer's key with this `kid`, or undefined. */
    readonly keyOf: (kid: string) => VerificationKey | undefined;
    /** Milliseconds since the epoch. */
    readonly now: number;
  },
): VerifiedIntrospection {
  const claims = verifyIssuedJwt(text, { types: ['token-introspection+jwt'], maxLength, ...expected }, refuseJwt);
  // RFC 9701 section 8.1: with them it could be taken for an access token.
  if (Object.hasOwn(claims, 'sub') || Object.hasOwn(claims, 'exp'))
    throw refuse('introspection_response_claims', 'It must not have sub or exp beside what it says of the token.');
  checkClaims(
    claims,
    {
      nowSeconds: expected.now / 1000,
      required: ['iat'],
      audience: [expected.audience],
      expiresAfterSeconds: introspectionResponseFreshnessSeconds,
    },
    refuseClaims,
  );
  return readIntrospection(claims) as VerifiedIntrospection;
}

function readIntrospection(claims: JsonObject): Introspection {
  const introspection = asJsonObject(memberOf(claims, 'token_introspection'));
  const active = introspection === undefined ? undefined : memberOf(introspection, 'active');
  if (introspection === undefined || typeof active !== 'boolean')
    throw refuse('introspection_response_claims', 'Its token_introspection must be an object that holds active.');
  if (active) return { ...introspection, active };
  if (Object.keys(introspection).length > 1)
    throw refuse('introspection_response_claims', 'Of an inactive token it must say nothing else.');
  return { active };
}

/** The header of every introspection response signed with one key. */
export function introspectionResponseHeader(key: SigningKeyName): EncodedHeader {
  return issuedJwtHeader('token-introspection+jwt', key);
}

/** Signs an introspection response. `header` comes from {@link introspectionResponseHeader} for the key `sign` uses. */
export function signIntrospectionResponse(
  claims: IntrospectionResponseClaims,
  header: EncodedHeader,
  sign: (signingInput: Uint8Array) => Promise<Uint8Array>,
): Promise<string> {
  return signCompactJws(header, claims, sign);
}

function refuse(code: keyof typeof introspectionResponseErrors.codes, detail: string) {
  return introspectionResponseErrors.error(code, `The introspection response is not accepted. ${detail}`);
}
