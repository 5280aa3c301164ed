import type { Brand } from '@countersign/kernel';
import { type ClaimRefusal, checkClaims, clockLeadSeconds, readString } from './claims.ts';
import { clientAssertionErrors } from './errors.ts';
import { type JsonObject, type JwsRefusal, parseCompactJws, type UnverifiedJws, verifyJwsAside } from './jws.ts';
import { hasType } from './jws-type.ts';
import type { Thumbprint, VerificationKey } from './key-cache.ts';
import { findRegisteredKey, type RegisteredKey } from './registered-key.ts';

export type { RegisteredKey } from './registered-key.ts';

export const clientAssertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Maximum lifetime of a client assertion in seconds. It bounds how long a `jti` must be remembered against replay. */
export const maxClientAssertionLifetimeSeconds = 300;

/** A client that proved possession of a registered key. The result counts only after the caller claims the `jti`. */
export type VerifiedClientAssertion = Brand<
  {
    readonly clientId: string;
    readonly jti: string;
    /**
     * Milliseconds since the epoch. The `jti` must stay claimed until then, with allowance for clock differences between
     * nodes.
     */
    readonly expiresAt: number;
    /** RFC 7638 thumbprint of the signing key. */
    readonly keyThumbprint: Thumbprint;
  },
  'VerifiedClientAssertion'
>;

export interface ClientAssertionExpectations {
  /** Our issuer identifier. Always accepted as the audience, and the only one unless more are listed. */
  readonly issuer: string;
  /**
   * Additional audiences that this client may name, for clients outside FAPI 2.0: by OpenID Connect Core section 9 they send
   * the token endpoint's URL. Default none.
   */
  readonly acceptedAudiences?: (clientId: string) => readonly string[];
  /** The registered keys of a client, or undefined if the client is unknown. */
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

/** RFC 7523bis requires `client-authentication+jwt`; existing clients send `JWT`; `typ` may be absent. */
const acceptedTypes: readonly (string | undefined)[] = [undefined, 'JWT', 'client-authentication+jwt'];

/**
 * Verifies a `private_key_jwt` client assertion: RFC 7523 section 3 under the FAPI 2.0 Security Profile, section 5.3.2.1.
 * `aud` is the issuer as a JSON string and nothing else: an array or an endpoint URL would let an assertion for one server be
 * used at another. A client may be permitted other strings, but never an array.
 *
 * The caller must claim the `jti` once for this client before acting on the result.
 *
 * @throws CodedError of {@link clientAssertionErrors}
 */
export async function verifyClientAssertion(
  assertion: string,
  expected: ClientAssertionExpectations,
): Promise<VerifiedClientAssertion> {
  const jws = parseCompactJws(assertion, refuseJws);
  // Access tokens and DPoP proofs of the same key pair are also JWTs (RFC 8725 section 3.11).
  if (!hasType(jws.header, ...acceptedTypes))
    throw refuse('client_assertion_type', 'Its typ is that of another kind of token.');
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
  // Unknown client and unknown key give the same error, so that an attacker cannot test which clients exist.
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
