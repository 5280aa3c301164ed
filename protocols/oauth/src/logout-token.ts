import { type Brand, errorVocabulary } from '@countersign/kernel';
import { checkClaims, clockLeadSeconds, readString } from './claims.ts';
import { claimRefusalOf, type IssuedJwtRefusal, issuedJwtHeaders, verifyIssuedJwt } from './issued-jwt.ts';
import { type JsonObject, type JwtSigner, signCompactJws } from './jws.ts';
import type { VerificationKey } from './key-cache.ts';
import { asJsonObject, given, memberOf } from './members.ts';

/** Back-Channel Logout section 2.4. */
export const maxLogoutTokenLifetimeSeconds = 120;

const backchannelLogoutEvent = 'http://schemas.openid.net/event/backchannel-logout';

export const logoutTokenErrors = errorVocabulary({
  logout_token_malformed: 'unauthenticated',
  logout_token_algorithm: 'unauthenticated',
  logout_token_signature: 'unauthenticated',
  logout_token_type: 'unauthenticated',
  logout_token_issuer: 'unauthenticated',
  logout_token_key: 'unauthenticated',
  logout_token_audience: 'unauthenticated',
  logout_token_time: 'unauthenticated',
  logout_token_expired: 'unauthenticated',
  logout_token_claims: 'unauthenticated',
});

/** One session, or every session of a subject at this client. */
export type EndedSignIn =
  | { readonly sid: string; readonly sub?: string }
  | { readonly sub: string; readonly sid?: undefined };

/** Back-Channel Logout section 2.4. */
export type LogoutTokenClaims = EndedSignIn & {
  readonly iss: string;
  /** The client_id. */
  readonly aud: string;
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
  readonly events: { readonly [backchannelLogoutEvent]: Readonly<Record<string, never>> };
};

/** Takes effect only after the caller claims the `jti`. */
export type VerifiedLogoutToken = Brand<
  {
    readonly ended: EndedSignIn;
    readonly jti: string;
    /** Milliseconds since the epoch. The `jti` must stay claimed until then. */
    readonly expiresAt: number;
  },
  'VerifiedLogoutToken'
>;

/** Expires in two minutes. `now` in milliseconds. */
export function composeLogoutToken(of: {
  readonly issuer: string;
  readonly clientId: string;
  readonly ended: EndedSignIn;
  readonly jti: string;
  readonly now: number;
}): LogoutTokenClaims {
  const iat = Math.floor(of.now / 1000);
  return {
    ...of.ended,
    iss: of.issuer,
    aud: of.clientId,
    iat,
    exp: iat + maxLogoutTokenLifetimeSeconds,
    jti: of.jti,
    events: { [backchannelLogoutEvent]: {} },
  };
}

const refuseJwt: IssuedJwtRefusal = (problem, detail) => refuse(`logout_token_${problem}`, detail);
const refuseClaims = claimRefusalOf(refuseJwt);

/**
 * For the client (Back-Channel Logout section 2.6). `typ` is required, so that it cannot pass for an ID token. @throws
 * CodedError of {@link logoutTokenErrors}
 */
export function verifyLogoutToken(
  token: string,
  expected: {
    readonly issuer: string;
    readonly clientId: string;
    /** The issuer's key with this `kid`. */
    readonly keyOf: (kid: string) => VerificationKey | undefined;
    /** Milliseconds since the epoch. */
    readonly now: number;
  },
): VerifiedLogoutToken {
  const claims = verifyIssuedJwt(token, { types: ['logout+jwt'], ...expected }, refuseJwt);
  const { exp, jti } = checkClaims(
    claims,
    {
      nowSeconds: expected.now / 1000,
      required: ['exp', 'iat', 'jti'],
      audience: [expected.clientId],
      maxLifetimeSeconds: maxLogoutTokenLifetimeSeconds,
    },
    refuseClaims,
  );
  const events = asJsonObject(memberOf(claims, 'events'));
  if (events === undefined || asJsonObject(memberOf(events, backchannelLogoutEvent)) === undefined)
    throw refuse('logout_token_claims', 'Its events must hold the event of back-channel logout, as an object.');
  // Section 2.4: a logout token must never be a valid ID token.
  if (Object.hasOwn(claims, 'nonce')) throw refuse('logout_token_claims', 'It must not have a nonce.');
  const verified = { ended: readEnded(claims), jti, expiresAt: (exp + clockLeadSeconds) * 1000 };
  return verified as VerifiedLogoutToken;
}

function readEnded(claims: JsonObject): EndedSignIn {
  const sid = readName(claims, 'sid', 256);
  const sub = readName(claims, 'sub', 255);
  if (sid !== undefined) return { sid, ...given('sub', sub) };
  if (sub !== undefined) return { sub };
  throw refuse('logout_token_claims', 'It must name a session or a subject.');
}

function readName(claims: JsonObject, name: string, maxLength: number): string | undefined {
  if (memberOf(claims, name) === undefined) return undefined;
  const value = readString(claims, name, maxLength);
  if (value === undefined) throw refuse('logout_token_claims', `Its ${name} is malformed.`);
  return value;
}

export const logoutTokenHeader = issuedJwtHeaders('logout+jwt');

export const signLogoutToken: JwtSigner<LogoutTokenClaims> = signCompactJws;

function refuse(code: keyof typeof logoutTokenErrors.codes, detail: string) {
  return logoutTokenErrors.error(code, `The logout token is not accepted. ${detail}`);
}
