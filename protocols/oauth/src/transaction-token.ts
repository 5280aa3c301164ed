import { type Brand, errorVocabulary, type Json, parseJson } from '@countersign/kernel';
import { checkClaims, readString } from './claims.ts';
import { claimRefusalOf, type IssuedJwtRefusal, issuedJwtHeaders, verifyIssuedJwt } from './issued-jwt.ts';
import { type JsonObject, type JwtSigner, signCompactJws } from './jws.ts';
import type { VerificationKey } from './key-cache.ts';
import { asJsonObject, given, memberOf } from './members.ts';

/** Draft, enabled per installation: draft-ietf-oauth-transaction-tokens-10 (July 2026). */
export const transactionTokenType = 'urn:ietf:params:oauth:token-type:txn_token';

/** The duration of one call through the chain. */
export const maxTransactionTokenLifetimeSeconds = 300;

export const transactionTokenErrors = errorVocabulary({
  transaction_token_malformed: 'unauthenticated',
  transaction_token_algorithm: 'unauthenticated',
  transaction_token_signature: 'unauthenticated',
  transaction_token_type: 'unauthenticated',
  transaction_token_issuer: 'unauthenticated',
  transaction_token_key: 'unauthenticated',
  transaction_token_audience: 'unauthenticated',
  transaction_token_time: 'unauthenticated',
  transaction_token_expired: 'unauthenticated',
  transaction_token_claims: 'unauthenticated',
  /** `request_context` or `request_details` of a request for one. */
  transaction_context_malformed: 'invalid',
});

/** It carries context, gives no authority as a client, and contains no access token. */
export interface TransactionTokenClaims {
  /** Optional in the draft. Required here, because it selects the keys. */
  readonly iss: string;
  /** The trust domain. */
  readonly aud: string;
  readonly iat: number;
  readonly exp: number;
  readonly txn: string;
  /** Unique within the trust domain for all issuers. */
  readonly sub: string;
  /** Space-delimited; never wider than the exchanged token. */
  readonly scope: string;
  /** The workload that requested it. */
  readonly req_wl: string;
  /** Constant through the call chain. */
  readonly tctx?: JsonObject;
  /** The requester's context. */
  readonly rctx?: JsonObject;
}

export type VerifiedTransactionToken = Brand<
  { readonly claims: TransactionTokenClaims; readonly scope: readonly string[] },
  'VerifiedTransactionToken'
>;

const refuseJwt: IssuedJwtRefusal = (problem, detail) => refuse(`transaction_token_${problem}`, detail);
const refuseClaims = claimRefusalOf(refuseJwt);

/**
 * From a `Txn-Token` header or a `subject_token` of {@link transactionTokenType}. @throws CodedError of {@link
 * transactionTokenErrors}
 */
export function verifyTransactionToken(
  token: string,
  expected: {
    readonly issuer: string;
    /** The only accepted audience. */
    readonly trustDomain: string;
    /** The issuer's key with this `kid`. */
    readonly keyOf: (kid: string) => VerificationKey | undefined;
    /** Milliseconds since the epoch. */
    readonly now: number;
  },
): VerifiedTransactionToken {
  const claims = verifyIssuedJwt(token, { types: ['txntoken+jwt'], ...expected }, refuseJwt);
  const { iat, exp } = checkClaims(
    claims,
    {
      nowSeconds: expected.now / 1000,
      required: ['exp', 'iat'],
      audience: [expected.trustDomain],
      maxLifetimeSeconds: maxTransactionTokenLifetimeSeconds,
    },
    refuseClaims,
  );
  // Claims of earlier drafts. Ignoring them would remove their limits.
  if (Object.hasOwn(claims, 'azd') || Object.hasOwn(claims, 'purp'))
    throw refuse('transaction_token_claims', 'It follows an earlier revision of the draft.');
  const scope = required('scope', readString(claims, 'scope', 2_048));
  const parsed: TransactionTokenClaims = {
    iss: expected.issuer,
    aud: expected.trustDomain,
    iat,
    exp,
    txn: required('txn', readString(claims, 'txn', 128)),
    sub: required('sub', readString(claims, 'sub', 256)),
    scope,
    req_wl: required('req_wl', readString(claims, 'req_wl', 256)),
    ...given('tctx', readContext(claims, 'tctx')),
    ...given('rctx', readContext(claims, 'rctx')),
  };
  const scopes: readonly string[] = scope.split(' ');
  return { claims: parsed, scope: scopes } as VerifiedTransactionToken;
}

function readContext(claims: JsonObject, name: 'tctx' | 'rctx'): JsonObject | undefined {
  const value: Json | undefined = memberOf(claims, name);
  return value === undefined ? undefined : required(name, asJsonObject(value));
}

function required<Value>(name: string, value: Value | undefined): Value {
  if (value === undefined) throw refuse('transaction_token_claims', `Its claim ${name} is missing or malformed.`);
  return value;
}

/**
 * At most 4,096 characters. Untrusted: the server decides what goes into the token. @throws CodedError
 * `transaction_context_malformed`, with the fact `parameter`
 */
export function parseTransactionContext(text: string, parameter: 'request_context' | 'request_details'): JsonObject {
  const parsed = parseJson(text, { maxLength: 4_096 });
  const object = parsed.ok ? asJsonObject(parsed.value) : undefined;
  if (object === undefined)
    throw transactionTokenErrors.error(
      'transaction_context_malformed',
      `The parameter ${parameter} must be a JSON object of at most 4096 characters.`,
      { facts: { parameter } },
    );
  return object;
}

export const transactionTokenHeader = issuedJwtHeaders('txntoken+jwt');

export const signTransactionToken: JwtSigner<TransactionTokenClaims> = signCompactJws;

function refuse(code: keyof typeof transactionTokenErrors.codes, detail: string) {
  return transactionTokenErrors.error(code, `The transaction token is not accepted. ${detail}`);
}
