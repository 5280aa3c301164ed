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
import {
  claimRefusalOf,
  type IssuedJwtRefusal,
  issuedJwtHeader,
  type SigningKeyName,
  verifyIssuedJwt,
} from './issued-jwt.ts';
import { type EncodedHeader, type JsonObject, signCompactJws } from './jws.ts';
import type { Thumbprint, VerificationKey } from './key-cache.ts';
import { asJsonObject, asStrings, given, memberOf } from './members.ts';

/**
 * Grants that one authorization server signs for another, by draft-ietf-oauth-identity-chaining-17 (July 2026) and its profile
 * draft-ietf-oauth-identity-assertion-authz-grant-03. These are drafts and may change with the next revision. They are
 * available only if an installation enables them.
 */

/** `requested_token_type` for a JWT authorization grant of identity chaining. */
export const jwtAuthorizationGrantTokenType = 'urn:ietf:params:oauth:token-type:jwt';
/** `requested_token_type` for an identity assertion grant (ID-JAG). */
export const identityAssertionGrantTokenType = 'urn:ietf:params:oauth:token-type:id-jag';
/** Value of `authorization_grant_profiles_supported` for a server that redeems identity assertion grants. */
export const identityAssertionGrantProfile = 'urn:ietf:params:oauth:grant-profile:id-jag';

/** Maximum lifetime of such a grant in seconds. Clients redeem it immediately. */
export const maxAuthorizationGrantLifetimeSeconds = 300;

/** Reasons to refuse a grant from another authorization server. The protocol error is `invalid_grant` (RFC 7523 section 3.1). */
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
  /** It names a tenant of its issuer. Tenants are not supported, so the subject would be ambiguous. */
  authorization_grant_tenant: 'invalid',
  /** It is bound to a key for which this request has no proof of possession. */
  authorization_grant_binding: 'invalid',
});

/** The claims that both kinds of grant share. */
export interface AuthorizationGrantClaims {
  readonly iss: string;
  /** The subject identifier that issuer and audience share. */
  readonly sub: string;
  /** Issuer identifier of the authorization server that redeems it: one, as a string. */
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

/** ID-JAG: `client_id` is the client's identifier at the redeeming server. */
export interface IdentityAssertionGrantClaims extends AuthorizationGrantClaims {
  readonly client_id: string;
}

/** The limits of a grant and its acting chain. */
export interface GrantLimits {
  /** Empty if the grant does not limit scopes. */
  readonly scope: readonly string[];
  /** Empty if the grant does not limit resources. */
  readonly resources: readonly string[];
  readonly authorizationDetails?: readonly AuthorizationDetail[];
  /** Principal ids of the `act` chain in the issuer's terms, current actor first. */
  readonly actors: readonly string[];
  /** Thumbprint of the key whose possession the redeeming client must prove. */
  readonly jkt?: Digest;
}

/**
 * A grant whose issuer, audience, client, times, signature and binding have been verified. It counts only after the caller
 * claims the `jti`.
 */
export type VerifiedIdentityAssertionGrant = Brand<
  Omit<GrantLimits, 'jkt'> & {
    readonly issuer: string;
    readonly subject: string;
    readonly jti: string;
    /**
     * Milliseconds since the epoch. The `jti` must stay claimed until then, with allowance for clock differences between
     * nodes.
     */
    readonly expiresAt: number;
    readonly authTime?: number;
    readonly acr?: string;
    readonly amr?: readonly string[];
    readonly jkt?: Thumbprint;
  },
  'VerifiedIdentityAssertionGrant'
>;

export interface AuthorizationGrantExpectations {
  /** The authorization server that signed it. The caller has already established trust in it. */
  readonly issuer: string;
  /** Our own issuer identifier. */
  readonly audience: string;
  /** The client that has authenticated with this request. */
  readonly clientId: string;
  /** The key of the DPoP proof in this request. */
  readonly proofKey?: Thumbprint;
  /** That issuer's key with this `kid`, or undefined. */
  readonly keyOf: (kid: string) => VerificationKey | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const refuseJwt: IssuedJwtRefusal = (problem, detail) => refuse(`authorization_grant_${problem}`, detail);
const refuseClaims = claimRefusalOf(refuseJwt);

/**
 * Verifies an identity assertion grant (ID-JAG) that a client presents (draft -03 section 4.4.1). The caller must claim the
 * `jti` once for this issuer before acting on the result.
 *
 * The grant is refused if a claim that could limit it is not understood: `tenant`, `aud_tenant`, an unknown confirmation or
 * authorization detail, or an actor with members other than `sub` and `act`.
 *
 * @throws CodedError of {@link authorizationGrantErrors}
 */
export function verifyIdentityAssertionGrant(
  text: string,
  expected: AuthorizationGrantExpectations,
): VerifiedIdentityAssertionGrant {
  // Draft section 8.3: a server that redeems its own grants would widen the authority it passed on.
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
 * Reads the limits from the claims of a grant, or of an assertion used as a grant. The caller must check possession of the key
 * `jkt`.
 *
 * @throws the error of `refuse`, for a limit that is not understood, because ignoring it would remove the limit
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

/** An absent claim is accepted. A claim that cannot be parsed is refused, because it may limit the grant. */
function optional<Value>(
  claims: JsonObject,
  name: string,
  read: (value: Json) => Value | undefined,
): Value | undefined {
  const value = memberOf(claims, name);
  return value === undefined ? undefined : required(name, read(value));
}

/** The header of every identity assertion grant signed with one key. */
export function identityAssertionGrantHeader(key: SigningKeyName): EncodedHeader {
  return issuedJwtHeader('oauth-id-jag+jwt', key);
}

/** Signs an identity assertion grant. `header` comes from {@link identityAssertionGrantHeader} for the key `sign` uses. */
export function signIdentityAssertionGrant(
  claims: IdentityAssertionGrantClaims,
  header: EncodedHeader,
  sign: (signingInput: Uint8Array) => Promise<Uint8Array>,
): Promise<string> {
  return signCompactJws(header, claims, sign);
}

/** The header of every JWT authorization grant signed with one key; its type is that of draft rfc7523bis-10. */
export function jwtAuthorizationGrantHeader(key: SigningKeyName): EncodedHeader {
  return issuedJwtHeader('authorization-grant+jwt', key);
}

/** Signs a JWT authorization grant. `header` comes from {@link jwtAuthorizationGrantHeader} for the key `sign` uses. */
export function signJwtAuthorizationGrant(
  claims: AuthorizationGrantClaims,
  header: EncodedHeader,
  sign: (signingInput: Uint8Array) => Promise<Uint8Array>,
): Promise<string> {
  return signCompactJws(header, claims, sign);
}

function refuse(code: keyof typeof authorizationGrantErrors.codes, detail: string) {
  return authorizationGrantErrors.error(code, `The authorization grant is not accepted. ${detail}`);
}
