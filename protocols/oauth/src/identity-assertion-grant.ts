import {
  type Brand,
  type CodedError,
  type Digest,
  errorVocabulary,
  isCodedError,
  type Json,
  parseDigest,
} from '@countersign/kernel';
import { type AuthorizationDetail, parseAuthorizationDetails } from '@countersign/market';
import { type ActClaim, parseActChain } from './act-chain.ts';
import { checkClaims, clockLeadSeconds, readSeconds, readString } from './claims.ts';
import { claimRefusalOf, type IssuedJwtRefusal, issuedJwtHeaders, verifyIssuedJwt } from './issued-jwt.ts';
import { type JsonObject, type JwtSigner, signCompactJws } from './jws.ts';
import type { Thumbprint, VerificationKey } from './key-cache.ts';
import { asJsonObject, asStrings, given, memberOf } from './members.ts';

/**
 * Drafts, enabled per installation: draft-ietf-oauth-identity-chaining-17 (July 2026) and its profile
 * draft-ietf-oauth-identity-assertion-authz-grant-03.
 */

/** For a JWT authorization grant. */
export const jwtAuthorizationGrantTokenType = 'urn:ietf:params:oauth:token-type:jwt';
/** For an identity assertion grant (ID-JAG). */
export const identityAssertionGrantTokenType = 'urn:ietf:params:oauth:token-type:id-jag';
/** For `authorization_grant_profiles_supported`. */
export const identityAssertionGrantProfile = 'urn:ietf:params:oauth:grant-profile:id-jag';

/** Clients redeem it immediately. */
export const maxAuthorizationGrantLifetimeSeconds = 300;

/** `invalid_grant` (RFC 7523 section 3.1). */
export const authorizationGrantErrors = errorVocabulary({
  authorization_grant_malformed: 'invalid',
  authorization_grant_algorithm: 'invalid',
  authorization_grant_signature: 'invalid',
  authorization_grant_type: 'invalid',
  authorization_grant_issuer: 'invalid',
  authorization_grant_key: 'invalid',
  authorization_grant_audience: 'invalid',
  authorization_grant_client: 'invalid',
  authorization_grant_time: 'invalid',
  authorization_grant_expired: 'invalid',
  authorization_grant_claims: 'invalid',
  /** Tenants are not supported: the subject would be ambiguous. */
  authorization_grant_tenant: 'invalid',
  /** The request has no proof of the bound key. */
  authorization_grant_binding: 'invalid',
});

export interface AuthorizationGrantClaims {
  readonly iss: string;
  readonly sub: string;
  /** The redeeming authorization server. */
  readonly aud: string;
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
  /** Space-delimited. */
  readonly scope?: string;
  readonly resource?: string;
  readonly authorization_details?: readonly AuthorizationDetail[];
  readonly act?: ActClaim;
  /** Seconds since the epoch. */
  readonly auth_time?: number;
  readonly acr?: string;
  readonly amr?: readonly string[];
  readonly cnf?: { readonly jkt: Thumbprint };
}

/** `client_id` is the client's identifier at the redeeming server. */
export interface IdentityAssertionGrantClaims extends AuthorizationGrantClaims {
  readonly client_id: string;
}

export interface GrantLimits {
  /** Empty if not limited. */
  readonly scope: readonly string[];
  /** Empty if not limited. */
  readonly resources: readonly string[];
  readonly authorizationDetails?: readonly AuthorizationDetail[];
  /** In the issuer's terms, current actor first. */
  readonly actors: readonly string[];
  /** The redeeming client must prove possession of this key. */
  readonly jkt?: Digest;
}

/** Counts only after the caller claims the `jti`. */
export type VerifiedIdentityAssertionGrant = Brand<
  Omit<GrantLimits, 'jkt'> & {
    readonly issuer: string;
    readonly subject: string;
    readonly jti: string;
    /** Milliseconds since the epoch. The `jti` must stay claimed until then. */
    readonly expiresAt: number;
    readonly authTime?: number;
    readonly acr?: string;
    readonly amr?: readonly string[];
    readonly jkt?: Thumbprint;
  },
  'VerifiedIdentityAssertionGrant'
>;

export interface AuthorizationGrantExpectations {
  /** Trusted by the caller. */
  readonly issuer: string;
  /** Our own issuer identifier. */
  readonly audience: string;
  readonly clientId: string;
  /** Of the DPoP proof in this request. */
  readonly proofKey?: Thumbprint;
  /** The issuer's key with this `kid`. */
  readonly keyOf: (kid: string) => VerificationKey | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const refuseJwt: IssuedJwtRefusal = (problem, detail) => refuse(`authorization_grant_${problem}`, detail);
const refuseClaims = claimRefusalOf(refuseJwt);

/**
 * Verifies an ID-JAG (draft -03 section 4.4.1). The caller must claim the `jti`. Claims that could limit it and are not
 * understood refuse it. @throws CodedError of {@link authorizationGrantErrors}
 */
export function verifyIdentityAssertionGrant(
  text: string,
  expected: AuthorizationGrantExpectations,
): VerifiedIdentityAssertionGrant {
  // Draft section 8.3: redeeming its own grants would widen the authority it passed on.
  if (expected.issuer === expected.audience)
    throw refuse('authorization_grant_issuer', 'It is our own; it must be redeemed at the server it is meant for.');
  const claims = verifyIssuedJwt(text, { types: ['oauth-id-jag+jwt'], ...expected }, refuseJwt);
  const { exp, jti } = checkClaims(
    claims,
    {
      nowSeconds: expected.now / 1000,
      required: ['exp', 'iat', 'jti'],
      audience: [expected.audience],
      audienceArray: 'one',
      maxLifetimeSeconds: maxAuthorizationGrantLifetimeSeconds,
    },
    refuseClaims,
  );
  if (claims['client_id'] !== expected.clientId)
    throw refuse('authorization_grant_client', 'Its client_id must be that of the client that redeems it.');
  const { jkt, ...limits } = readGrantLimits(claims, refuseLimits);
  return {
    issuer: expected.issuer,
    subject: required('sub', readString(claims, 'sub', 255)),
    jti,
    expiresAt: (exp + clockLeadSeconds) * 1000,
    ...limits,
    ...given(
      'authTime',
      optional(claims, 'auth_time', () => readSeconds(claims, 'auth_time')),
    ),
    ...given(
      'acr',
      optional(claims, 'acr', () => readString(claims, 'acr', 256)),
    ),
    ...given(
      'amr',
      optional(claims, 'amr', (value) => asStrings(value, { maxItems: 16, maxLength: 64 })),
    ),
    ...given('jkt', checkBinding(jkt, expected.proofKey)),
  } as VerifiedIdentityAssertionGrant;
}

/** Makes the error of the caller's vocabulary. */
export type GrantLimitsRefusal = (problem: 'claims' | 'tenant', detail: string) => CodedError;

const refuseLimits: GrantLimitsRefusal = (problem, detail) => refuse(`authorization_grant_${problem}`, detail);

/**
 * For a grant, or an assertion used as one. The caller must check possession of `jkt`. @throws the error of `refuse`,
 * for a limit that is not understood
 */
export function readGrantLimits(claims: JsonObject, refuse: GrantLimitsRefusal): GrantLimits {
  if (Object.hasOwn(claims, 'tenant') || Object.hasOwn(claims, 'aud_tenant'))
    throw refuse('tenant', 'It names a tenant; issuers with tenants are not accepted.');
  function limit<Value>(name: string, read: (value: Json) => Value | undefined): Value | undefined {
    const value = memberOf(claims, name);
    const understood = value === undefined ? undefined : read(value);
    if (value !== undefined && understood === undefined) throw refuse('claims', `Its claim ${name} is malformed.`);
    return understood;
  }
  const scope: readonly string[] = limit('scope', readScope) ?? [];
  return {
    scope,
    resources: limit('resource', readResources) ?? [],
    ...given('authorizationDetails', limit('authorization_details', readDetails)),
    actors: readActors(memberOf(claims, 'act'), refuse),
    ...given('jkt', readConfirmation(memberOf(claims, 'cnf'), refuse)),
  };
}

function readConfirmation(confirmation: Json | undefined, refuse: GrantLimitsRefusal): Digest | undefined {
  if (confirmation === undefined) return undefined;
  const members = asJsonObject(confirmation);
  const jkt = parseDigest(members?.['jkt']);
  if (members === undefined || Object.keys(members).length !== 1 || jkt === undefined)
    throw refuse('claims', 'Its cnf must hold jkt and nothing else.');
  return jkt;
}

function checkBinding(jkt: Digest | undefined, proofKey: Thumbprint | undefined): Thumbprint | undefined {
  if (jkt === undefined) return undefined;
  const bound: string = jkt;
  if (proofKey === undefined || bound !== proofKey)
    throw refuse(
      'authorization_grant_binding',
      'It is bound to a key: the request must show possession of it by DPoP.',
    );
  return proofKey;
}

function readScope(value: Json): readonly string[] | undefined {
  return typeof value === 'string' && value.length > 0 && value.length <= 2_048 ? value.split(' ') : undefined;
}

function readResources(value: Json): readonly string[] | undefined {
  return asStrings(typeof value === 'string' ? [value] : value, { maxItems: 16, maxLength: 2_048 });
}

function readDetails(value: Json): readonly AuthorizationDetail[] | undefined {
  const parsed = parseAuthorizationDetails(value);
  return parsed.ok ? parsed.value : undefined;
}

function readActors(act: Json | undefined, refuse: GrantLimitsRefusal): readonly string[] {
  try {
    return parseActChain(act);
  } catch (cause) {
    if (!isCodedError(cause)) throw cause;
    throw refuse('claims', `Its act claim is not accepted: ${cause.detail}`);
  }
}

function required<Value>(name: string, value: Value | undefined): Value {
  if (value === undefined) throw refuse('authorization_grant_claims', `Its claim ${name} is missing or malformed.`);
  return value;
}

/** A claim that cannot be parsed is refused, because it may limit the grant. */
function optional<Value>(
  claims: JsonObject,
  name: string,
  read: (value: Json) => Value | undefined,
): Value | undefined {
  const value = memberOf(claims, name);
  return value === undefined ? undefined : required(name, read(value));
}

export const identityAssertionGrantHeader = issuedJwtHeaders('oauth-id-jag+jwt');

export const signIdentityAssertionGrant: JwtSigner<IdentityAssertionGrantClaims> = signCompactJws;

/** Type of draft rfc7523bis-10. */
export const jwtAuthorizationGrantHeader = issuedJwtHeaders('authorization-grant+jwt');

export const signJwtAuthorizationGrant: JwtSigner<AuthorizationGrantClaims> = signCompactJws;

function refuse(code: keyof typeof authorizationGrantErrors.codes, detail: string) {
  return authorizationGrantErrors.error(code, `The authorization grant is not accepted. ${detail}`);
}
