import { type Brand, errorVocabulary } from '@countersign/kernel';
import { checkClaims } from './claims.ts';
import { claimRefusalOf, type IssuedJwtRefusal, issuedJwtHeaders, verifyIssuedJwt } from './issued-jwt.ts';
import { type JsonObject, type JwtSigner, signCompactJws } from './jws.ts';
import type { VerificationKey } from './key-cache.ts';
import { asJsonObject, memberOf } from './members.ts';

/** RFC 9701 sections 4 and 5. */
export const introspectionResponseMediaType = 'application/token-introspection+jwt';

/** Characters. */
const maxLength = 32_768;

/** A response has no expiry of its own. */
export const introspectionResponseFreshnessSeconds = 60;

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

/** RFC 7662 section 2.2. An inactive token has only `active`. */
export type Introspection =
  | { readonly active: false }
  | { readonly active: true; readonly [member: string]: JsonObject[string] };

export type VerifiedIntrospection = Brand<Introspection, 'VerifiedIntrospection'>;

/** RFC 9701 section 5: never `sub` or `exp`. */
export interface IntrospectionResponseClaims {
  readonly iss: string;
  /** client_id of the requesting resource server. */
  readonly aud: string;
  readonly iat: number;
  readonly token_introspection: Introspection;
}

export function composeIntrospectionResponse(of: {
  readonly issuer: string;
  /** client_id of the requesting resource server. */
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
 * For the requesting resource server (RFC 9701 section 5). @throws CodedError of {@link introspectionResponseErrors}
 */
export function verifyIntrospectionResponse(
  text: string,
  expected: {
    readonly issuer: string;
    /** Our own client_id. */
    readonly audience: string;
    /** The issuer's key with this `kid`. */
    readonly keyOf: (kid: string) => VerificationKey | undefined;
    /** Milliseconds since the epoch. */
    readonly now: number;
  },
): VerifiedIntrospection {
  const claims = verifyIssuedJwt(text, { types: ['token-introspection+jwt'], maxLength, ...expected }, refuseJwt);
  // RFC 9701 section 8.1: with these claims it could pass for an access token.
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

export const introspectionResponseHeader = issuedJwtHeaders('token-introspection+jwt');

export const signIntrospectionResponse: JwtSigner<IntrospectionResponseClaims> = signCompactJws;

function refuse(code: keyof typeof introspectionResponseErrors.codes, detail: string) {
  return introspectionResponseErrors.error(code, `The introspection response is not accepted. ${detail}`);
}
