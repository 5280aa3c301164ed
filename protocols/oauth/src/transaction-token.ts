import { type Brand, errorVocabulary, type Json, parseJson } from '@countersign/kernel';
import { checkClaims, readString } from './claims.ts';
import {
  claimRefusalOf,
  type IssuedJwtRefusal,
  issuedJwtHeader,
  type SigningKeyName,
  verifyIssuedJwt,
} from './issued-jwt.ts';
import { type EncodedHeader, type JsonObject, signCompactJws } from './jws.ts';
import type { VerificationKey } from './key-cache.ts';
import { asJsonObject, given, memberOf } from './members.ts';

/**
 * Transaction tokens, by draft-ietf-oauth-transaction-tokens-10 (July 2026). This is a draft and may change with the next
 * revision. It is available only if an installation enables it.
 */
export const transactionTokenType = 'urn:ietf:params:oauth:token-type:txn_token';

/** Maximum lifetime of a transaction token in seconds: the duration of one call through the chain. */
export const maxTransactionTokenLifetimeSeconds = 300;

/** Reasons to refuse a transaction token. */
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

/** Claims of a transaction token. It carries context; it gives no authority to act as a client and contains no access token. */
export interface TransactionTokenClaims {
  /** Optional in the draft. Always present here, because it selects the verification keys. */
  readonly iss: string;
  /** The trust domain, as a string. */
  readonly aud: string;
  readonly iat: number;
  readonly exp: number;
  /** The same in every token of the transaction. */
  readonly txn: string;
  /** Unique within the trust domain for all issuers. */
  readonly sub: string;
  /** Space-delimited purpose; never wider than the scope of the exchanged token. */
  readonly scope: string;
  /** The workload that requested it. */
  readonly req_wl: string;
  /** Context that stays the same through the call chain. */
  readonly tctx?: JsonObject;
  /** The requester's context. */
  readonly rctx?: JsonObject;
}

/** A transaction token whose signature, type, issuer, trust domain and times have been verified. */
export type VerifiedTransactionToken = Brand<
  { readonly claims: TransactionTokenClaims; readonly scope: readonly string[] },
  'VerifiedTransactionToken'
>;

const refuseJwt: IssuedJwtRefusal = (problem, detail) => refuse(`transaction_token_${problem}`, detail);
const refuseClaims = claimRefusalOf(refuseJwt);

/**
 * Verifies the one value of a `Txn-Token` header, or of a `subject_token` of {@link transactionTokenType}.
 *
 * @throws CodedError of {@link transactionTokenErrors}
 */
export function verifyTransactionToken(
  token: string,
  expected: {
    readonly issuer: string;
    /** The caller's trust domain. A token is only valid within its own trust domain. */
    readonly trustDomain: string;
    /** The issuer's key with this `kid`, or undefined. */
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
  // Claim names of earlier drafts. Ignoring them would remove the limits that they express.
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
 * Reads `request_context` or `request_details` of a request for a transaction token: a JSON object of at most 4,096
 * characters. The requester's statements are untrusted: the server decides which of them go into the token.
 *
 * @throws CodedError `transaction_context_malformed`, with the fact `parameter`
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

/** The header of every transaction token signed with one key. */
export function transactionTokenHeader(key: SigningKeyName): EncodedHeader {
  return issuedJwtHeader('txntoken+jwt', key);
}

/** Signs a transaction token. `header` comes from {@link transactionTokenHeader} for the key that `sign` uses. */
export function signTransactionToken(
  claims: TransactionTokenClaims,
  header: EncodedHeader,
  sign: (signingInput: Uint8Array) => Promise<Uint8Array>,
): Promise<string> {
  return signCompactJws(header, claims, sign);
}

function refuse(code: keyof typeof transactionTokenErrors.codes, detail: string) {
  return transactionTokenErrors.error(code, `The transaction token is not accepted. ${detail}`);
}
