import { isCodedError } from '@countersign/kernel';
import { type AccessTokenClaims, type VerifiedAccessToken, verifyAccessToken } from './access-token.ts';
import { type VerifiedProof, verifyProof } from './dpop.ts';
import { accessTokenErrors, proofErrors } from './errors.ts';
import type { KeyCache, VerificationKey } from './key-cache.ts';

/** What is read of a request: enough to check token and proof, in any HTTP framework. */
export interface ResourceRequest {
  readonly method: string;
  /** Absolute URL as the client addressed it: the resource's own base and the path, never built from a Host header. */
  readonly url: string;
  /** Every value of the `Authorization` header. */
  readonly authorization: readonly string[];
  /** Every value of the `DPoP` header. */
  readonly dpop: readonly string[];
}

export interface ResourceExpectations {
  readonly issuer: string;
  /** The resource that is asked: the only audience accepted. */
  readonly audience: string;
  /** The issuer's key with this `kid`, or undefined. */
  readonly keyOf: (kid: string) => VerificationKey | undefined;
  readonly proofKeys: KeyCache;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface VerifiedResourceRequest {
  readonly claims: AccessTokenClaims;
  readonly scope: readonly string[];
  /** Principal ids of the acting chain, current actor first. */
  readonly actors: readonly string[];
  /** To be claimed once by the caller, under the issuer `proof.jkt`, before anything is done for the request. */
  readonly proof: VerifiedProof;
}

/**
 * Checks a request to a protected interface: an access token of ours for this audience, and a proof of possession
 * of the key it is bound to, made for this very request (RFC 9449 section 7).
 *
 * What is left to the caller, because it needs a memory or knowledge of the interface: claiming the proof's id,
 * and checking the scope.
 *
 * @throws CodedError of {@link accessTokenErrors} and {@link proofErrors}
 */
export function verifyResourceRequest(
  request: ResourceRequest,
  expected: ResourceExpectations,
): VerifiedResourceRequest {
  const accessToken = readAccessToken(request.authorization);
  const token = verifyAccessToken(accessToken, {
    issuer: expected.issuer,
    acceptsAudience: (audience) => audience === expected.audience,
    keyOf: expected.keyOf,
    now: expected.now,
  });
  const proof = verifyProof(request.dpop, {
    method: request.method,
    url: request.url,
    keys: expected.proofKeys,
    now: expected.now,
    accessToken,
  });
  checkBinding(token, proof);
  return { claims: token.claims, scope: token.scope, actors: token.actors, proof };
}

const schemePattern = /^DPoP +([A-Za-z0-9_.-]+)$/i;

function readAccessToken(authorization: readonly string[]): string {
  const [value, another] = authorization;
  if (value === undefined)
    throw accessTokenErrors.error('token_missing', 'The request must carry an access token: Authorization: DPoP.');
  if (another !== undefined)
    throw accessTokenErrors.error('token_scheme', 'The request must carry exactly one Authorization header.');
  // RFC 9449 section 7.2: a bound token presented as Bearer is a downgrade, and there are no unbound ones here.
  const accessToken = schemePattern.exec(value)?.[1];
  if (accessToken === undefined)
    throw accessTokenErrors.error(
      'token_scheme',
      'The access token must be presented with the scheme DPoP; Bearer is not accepted.',
    );
  return accessToken;
}

function checkBinding(token: VerifiedAccessToken, proof: VerifiedProof): void {
  if (token.claims.cnf.jkt !== proof.jkt)
    throw proofErrors.error(
      'proof_binding',
      'The DPoP proof is signed with another key than the one the access token is bound to.',
    );
}

/** True when a verifier that keeps a copy of the issuer's keys should fetch them anew and try once more. */
export function isKeyUnknown(error: unknown): boolean {
  return isCodedError(error, 'token_key_unknown');
}
