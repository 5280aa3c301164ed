import {
  type Brand,
  type Digest,
  type IntentDigest,
  type Json,
  type MandateId,
  membersOf,
  parseDigest,
  parseId,
  type RecordId,
  type TokenId,
  type TransactionId,
} from '@countersign/kernel';
import { parseTokenDetails, type TokenDetail } from '@countersign/market';
import { type ActClaim, actClaimOf, maxActors, parseActChain } from './act-chain.ts';
import type { CertificateThumbprint } from './certificate.ts';
import { type ClaimRefusal, checkClaims, readSeconds, readString } from './claims.ts';
import { accessTokenErrors } from './errors.ts';
import { issuedJwtHeaders } from './issued-jwt.ts';
import {
  hasType,
  type JsonObject,
  type JwsRefusal,
  type JwtSigner,
  parseCompactJws,
  signCompactJws,
  type VerifiedClaims,
  verifyJws,
} from './jws.ts';
import type { Thumbprint, VerificationKey } from './key-cache.ts';
import { authorityFault } from './market-authority.ts';

export const maxAccessTokenLifetimeSeconds = 300;

/** The sender constraint: a DPoP key (RFC 9449 section 6.1) or a client certificate (RFC 8705 section 3.1). */
export type Confirmation = { readonly jkt: Thumbprint } | { readonly 'x5t#S256': CertificateThumbprint };

/**
 * RFC 9068: one audience, bound to a key, at most five minutes. Also names institution (`lei`), mandate, intent, policy
 * version and audit record.
 */
export interface AccessTokenClaims {
  readonly iss: string;
  /** Principal id of the person, service or agent whose authority this is. */
  readonly sub: string;
  /** One protected interface (RFC 8707). */
  readonly aud: string;
  readonly client_id: string;
  readonly iat: number;
  readonly exp: number;
  readonly jti: TokenId;
  /** Space-delimited (RFC 6749 section 3.3). */
  readonly scope: string;
  /** Absent only in tokens for {@link userinfoAudience}. */
  readonly cnf?: Confirmation;
  /** LEI of the institution that the subject acts for. */
  readonly lei: string;
  readonly txn?: TransactionId;
  readonly act?: ActClaim;
  /** The only party that may become an actor (RFC 8693 section 4.4). */
  readonly may_act?: JsonObject;
  /** One intent, or one step of a transaction. */
  readonly authorization_details?: readonly TokenDetail[];
  readonly mandate?: { readonly id: MandateId; readonly version: number };
  readonly intent_digest?: IntentDigest;
  /** Revocation key of its consent; see `revocationKey`. */
  readonly grant?: Digest;
  /** Revocation keys of the tokens it was exchanged from, newest first. */
  readonly ancestors?: readonly Digest[];
  /** The only region that resolves the token, if it is limited. */
  readonly region?: string;
  readonly policy_version: number;
  readonly evidence: RecordId;
  readonly acr?: string;
  /** Seconds since the epoch. */
  readonly auth_time?: number;
}

/** Signature, type, issuer, audience and times were verified. */
export type VerifiedAccessToken = Brand<
  {
    readonly claims: AccessTokenClaims;
    readonly scope: readonly string[];
    /** Principal ids of the `act` chain, current actor first. */
    readonly actors: readonly string[];
  },
  'VerifiedAccessToken'
>;

export interface RememberedToken {
  readonly kid: string;
  readonly key: VerificationKey;
  readonly claims: VerifiedClaims;
  readonly verified: VerifiedAccessToken;
}

/**
 * A client presents the same token with hundreds of requests, so a verified signature is remembered. Key, audience,
 * times, binding and revocation are checked each time.
 */
export interface TokenMemory {
  /** Undefined unless verified before with the issuer's current key for that `kid`. */
  recall(token: string, keyOf: (kid: string) => VerificationKey | undefined): RememberedToken | undefined;
  /** Only for accepted tokens, so that unauthenticated input cannot fill the memory. */
  remember(token: string, verified: RememberedToken): void;
}

export interface AccessTokenExpectations {
  readonly issuer: string;
  readonly acceptsAudience: (audience: string) => boolean;
  /** The issuer's key with this `kid`. */
  readonly keyOf: (kid: string) => VerificationKey | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Whether a token for {@link userinfoAudience} may lack `cnf`. Default false. */
  readonly allowUnbound?: boolean | undefined;
  /** Their signatures are not verified again. */
  readonly memory?: TokenMemory | undefined;
}

/** The only audience whose tokens may be unbound: it opens no market interface. */
export function userinfoAudience(issuer: string): string {
  return `${issuer}/userinfo`;
}

const refuseJws: JwsRefusal = (problem, detail) =>
  refuse(problem === 'signature' ? 'token_signature' : 'token_invalid', detail);

const codeOfFault = {
  issuer: 'token_issuer',
  audience: 'token_audience',
  time: 'token_invalid',
  ahead: 'token_invalid',
  age: 'token_invalid',
  expired: 'token_expired',
  lifetime: 'token_invalid',
  id: 'token_invalid',
} as const;
const refuseClaims: ClaimRefusal = (fault, detail) => refuse(codeOfFault[fault], detail);

/**
 * RFC 9068 section 4, without proof of possession: see `verifyResourceRequest`. @throws CodedError of
 * `accessTokenErrors`; for `token_key_unknown`, fetch the key set again
 */
export function verifyAccessToken(token: string, expected: AccessTokenExpectations): VerifiedAccessToken {
  const { memory } = expected;
  const met = memory?.recall(token, expected.keyOf);
  const signed = met ?? verifySigned(token, expected);
  const audience = checkAddressed(signed.claims, expected);
  const verified = met?.verified ?? parseClaims(signed.claims, expected.issuer, audience);
  if (verified.claims.cnf === undefined) checkMayBeUnbound(audience, expected);
  if (met === undefined) memory?.remember(token, { ...signed, verified });
  return verified;
}

function verifySigned(token: string, { keyOf }: Pick<AccessTokenExpectations, 'keyOf'>) {
  const jws = parseCompactJws(token, refuseJws);
  const { kid } = jws.header;
  if (!hasType(jws.header, 'at+jwt'))
    throw refuse('token_type', 'Its typ must be at+jwt: another kind of token is not an access token.');
  const key = kid === undefined ? undefined : keyOf(kid);
  if (kid === undefined || key === undefined)
    throw refuse('token_key_unknown', 'It names no key of the issuer that is in use.');
  return { kid, key, claims: verifyJws(jws, key, refuseJws) };
}

function checkAddressed(claims: VerifiedClaims, { issuer, acceptsAudience, now }: AccessTokenExpectations): string {
  checkClaims(
    claims,
    {
      nowSeconds: now / 1000,
      required: ['exp', 'iat'],
      issuer,
      audience: acceptsAudience,
      maxLifetimeSeconds: maxAccessTokenLifetimeSeconds,
    },
    refuseClaims,
  );
  return required('aud', readString(claims, 'aud', 2_048));
}

function checkMayBeUnbound(audience: string, { allowUnbound, issuer }: AccessTokenExpectations): void {
  if (allowUnbound !== true || audience !== userinfoAudience(issuer))
    throw refuse('token_invalid', 'It must be bound to a key or a certificate: its claim cnf is missing.');
}

function parseClaims(claims: JsonObject, iss: string, aud: string): VerifiedAccessToken {
  const scope = required('scope', readString(claims, 'scope', 2_048));
  const act = claims['act'];
  const mayAct = optional(claims, 'may_act', membersOf);
  const txn = optional(claims, 'txn', (value) => parseId('transaction', value));
  const details = optional(claims, 'authorization_details', parseDetails);
  const mandate = optional(claims, 'mandate', parseMandateReference);
  const intentDigest = optional(claims, 'intent_digest', parseDigest);
  const confirmation = optional(claims, 'cnf', parseConfirmation);
  const grant = optional(claims, 'grant', parseDigest);
  const ancestors = optional(claims, 'ancestors', parseAncestors);
  const region = optional(claims, 'region', () => readString(claims, 'region', 64));
  const acr = optional(claims, 'acr', () => readString(claims, 'acr', 256));
  const authTime = optional(claims, 'auth_time', () => readSeconds(claims, 'auth_time'));
  const actors = parseActors(act);
  const actClaim = actClaimOf(actors);
  const parsed: AccessTokenClaims = {
    iss,
    sub: required('sub', readString(claims, 'sub', 256)),
    aud,
    client_id: required('client_id', readString(claims, 'client_id', 256)),
    iat: required('iat', readSeconds(claims, 'iat')),
    exp: required('exp', readSeconds(claims, 'exp')),
    jti: required('jti', parseId('token', claims['jti'])),
    scope,
    lei: required('lei', readString(claims, 'lei', 20)),
    policy_version: required('policy_version', asCount(claims['policy_version'])),
    evidence: required('evidence', parseId('record', claims['evidence'])),
    ...(confirmation === undefined ? {} : { cnf: confirmation }),
    ...(txn === undefined ? {} : { txn }),
    ...(actClaim === undefined ? {} : { act: actClaim }),
    ...(mayAct === undefined ? {} : { may_act: mayAct }),
    ...(details === undefined ? {} : { authorization_details: details }),
    ...(mandate === undefined ? {} : { mandate }),
    // The claim of an intent digest.
    ...(intentDigest === undefined ? {} : { intent_digest: intentDigest as IntentDigest }),
    ...(grant === undefined ? {} : { grant }),
    ...(ancestors === undefined ? {} : { ancestors }),
    ...(region === undefined ? {} : { region }),
    ...(acr === undefined ? {} : { acr }),
    ...(authTime === undefined ? {} : { auth_time: authTime }),
  };
  const fault = authorityFault(parsed);
  if (fault !== undefined) throw refuse('token_invalid', fault);
  const scopes: readonly string[] = scope.split(' ');
  return { claims: parsed, scope: scopes, actors } as VerifiedAccessToken;
}

function required<Value>(name: string, value: Value | undefined): Value {
  if (value === undefined) throw refuse('token_invalid', `Its claim ${name} is missing or malformed.`);
  return value;
}

/** A claim that cannot be parsed is refused, because it may limit the token. */
function optional<Value>(
  claims: JsonObject,
  name: string,
  parse: (value: Json) => Value | undefined,
): Value | undefined {
  const value = claims[name];
  return value === undefined ? undefined : required(name, parse(value));
}

function parseActors(act: Json | undefined): readonly string[] {
  try {
    return parseActChain(act);
  } catch (cause) {
    throw accessTokenErrors.error('token_invalid', 'The access token is not accepted. Its act claim is malformed.', {
      cause,
    });
  }
}

function parseDetails(value: Json): readonly TokenDetail[] | undefined {
  const parsed = parseTokenDetails(value);
  return parsed.ok ? parsed.value : undefined;
}

/** Each exchange adds an actor. */
function parseAncestors(value: Json): readonly Digest[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxActors) return undefined;
  const keys = value.map(parseDigest).filter((key) => key !== undefined);
  return keys.length === value.length ? keys : undefined;
}

/** An unknown member could be a binding that this verifier does not check. */
function parseConfirmation(value: Json): Confirmation | undefined {
  const members = Object.entries(membersOf(value) ?? {});
  const [name, thumbprint] = members.length === 1 ? (members[0] ?? []) : [];
  const digest = parseDigest(thumbprint);
  if (digest === undefined) return undefined;
  // RFC 9449 section 6.1: the thumbprint of a key.
  if (name === 'jkt') return { jkt: digest as string as Thumbprint };
  // RFC 8705 section 3.1: the thumbprint of a certificate.
  return name === 'x5t#S256' ? { 'x5t#S256': digest as string as CertificateThumbprint } : undefined;
}

function parseMandateReference(value: Json): { readonly id: MandateId; readonly version: number } | undefined {
  const members = membersOf(value);
  const id = parseId('mandate', members?.['id']);
  const version = asCount(members?.['version']);
  return id === undefined || version === undefined ? undefined : { id, version };
}

function asCount(value: Json | undefined): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function refuse(code: keyof typeof accessTokenErrors.codes, detail: string) {
  return accessTokenErrors.error(code, `The access token is not accepted. ${detail}`);
}

export const accessTokenHeader = issuedJwtHeaders('at+jwt');

export const signAccessToken: JwtSigner<AccessTokenClaims> = signCompactJws;

/**
 * Parses claims of an introspection response (RFC 7662 section 2.2), whose server the caller trusts. @throws CodedError
 * `token_invalid`
 */
export function readAccessTokenClaims(members: JsonObject): AccessTokenClaims {
  const iss = required('iss', readString(members, 'iss', 512));
  const aud = required('aud', readString(members, 'aud', 512));
  return parseClaims(members, iss, aud).claims;
}
