import type { Brand } from '@countersign/kernel';
import { type ClaimRefusal, checkClaims, clockLeadSeconds, readString } from './claims.ts';
import { clientAssertionErrors } from './errors.ts';
import {
  hasType,
  type JsonObject,
  type JwsRefusal,
  parseCompactJws,
  type UnverifiedJws,
  verifyJwsAside,
} from './jws.ts';
import type { Thumbprint, VerificationKey } from './key-cache.ts';
import { findRegisteredKey, type RegisteredKey } from './registered-key.ts';

export type { RegisteredKey } from './registered-key.ts';

export const clientAssertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Bounds how long a `jti` must be remembered. */
export const maxClientAssertionLifetimeSeconds = 300;

/** Counts only after the caller claims the `jti`. */
export type VerifiedClientAssertion = Brand<
  {
    readonly clientId: string;
    readonly jti: string;
    /** Milliseconds since the epoch. The `jti` must stay claimed until then. */
    readonly expiresAt: number;
    /** RFC 7638, of the signing key. */
    readonly keyThumbprint: Thumbprint;
  },
  'VerifiedClientAssertion'
>;

export interface ClientAssertionExpectations {
  /** Always accepted as the audience. */
  readonly issuer: string;
  /**
   * For clients outside FAPI 2.0, which send the token endpoint's URL (OpenID Connect Core section 9). Default none.
   */
  readonly acceptedAudiences?: (clientId: string) => readonly string[];
  /** Undefined if the client is unknown. */
  readonly keysOf: (clientId: string) => readonly RegisteredKey[] | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const codeOfProblem = {
  malformed: 'client_assertion_malformed',
  algorithm: 'client_assertion_algorithm',
  signature: 'client_assertion_signature',
} as const;
const refuseJws: JwsRefusal = (problem, detail) => refuse(codeOfProblem[problem], detail);

const codeOfFault = {
  issuer: 'client_assertion_issuer',
  audience: 'client_assertion_audience',
  time: 'client_assertion_time',
  ahead: 'client_assertion_time',
  age: 'client_assertion_expired',
  expired: 'client_assertion_expired',
  lifetime: 'client_assertion_lifetime',
  id: 'client_assertion_id',
} as const;
const refuseClaims: ClaimRefusal = (fault, detail) => refuse(codeOfFault[fault], detail);

/** RFC 7523bis requires `client-authentication+jwt`; existing clients send `JWT` or nothing. */
const acceptedTypes: readonly (string | undefined)[] = [undefined, 'JWT', 'client-authentication+jwt'];

/**
 * RFC 7523 section 3, FAPI 2.0 Security Profile section 5.3.2.1: `aud` is the issuer as a string, because an array
 * would allow use at another server. The caller must claim the `jti`. @throws CodedError of {@link
 * clientAssertionErrors}
 */
export async function verifyClientAssertion(
  assertion: string,
  expected: ClientAssertionExpectations,
): Promise<VerifiedClientAssertion> {
  const jws = parseCompactJws(assertion, refuseJws);
  // Access tokens and DPoP proofs of the same key are JWTs too (RFC 8725 section 3.11).
  if (!hasType(jws.header, ...acceptedTypes))
    throw refuse('client_assertion_type', 'Its typ is that of another token type.');
  const clientId = checkIssuerAndSubject(jws.unverifiedClaims);
  const key = findKey(expected.keysOf(clientId), jws);
  const claims = await verifyJwsAside(jws, key, refuseJws);
  const { exp, jti } = checkClaims(
    claims,
    {
      nowSeconds: expected.now / 1000,
      required: ['exp', 'jti'],
      audience: [expected.issuer, ...(expected.acceptedAudiences?.(clientId) ?? [])],
      maxLifetimeSeconds: maxClientAssertionLifetimeSeconds,
    },
    refuseClaims,
  );
  return {
    clientId,
    jti,
    expiresAt: (exp + clockLeadSeconds) * 1000,
    keyThumbprint: key.thumbprint,
  } as VerifiedClientAssertion;
}

function checkIssuerAndSubject(claims: JsonObject): string {
  const clientId = readString(claims, 'iss', 256);
  if (clientId === undefined || claims['sub'] !== clientId)
    throw refuse('client_assertion_issuer', 'Its iss and sub must both be the client_id.');
  return clientId;
}

function findKey(keys: readonly RegisteredKey[] | undefined, { header }: UnverifiedJws): VerificationKey {
  const found = findRegisteredKey(keys, header);
  // One error for both, so that an attacker cannot test which clients exist.
  if (found === 'none')
    throw refuse(
      'client_assertion_key',
      'No client of this name has a registered key with the kid and alg of the header.',
    );
  if (found === 'several')
    throw refuse('client_assertion_key', 'The client has several keys that fit: the header must name one by its kid.');
  return found;
}

function refuse(code: keyof typeof clientAssertionErrors.codes, detail: string) {
  return clientAssertionErrors.error(code, `The client assertion is not accepted. ${detail}`);
}
