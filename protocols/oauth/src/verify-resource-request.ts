import { type AccessTokenClaims, type TokenMemory, verifyAccessToken } from './access-token.ts';
import type { VerifiedProof } from './dpop.ts';
import { accessTokenErrors } from './errors.ts';
import type { VerificationKey } from './key-cache.ts';
import {
  type PossessionExpectations,
  type ResourceRequest,
  readPresentedToken,
  verifyPossession,
} from './verify-possession.ts';

export interface ResourceExpectations extends PossessionExpectations {
  readonly issuer: string;
  /** The resource that is asked: the only audience accepted. */
  readonly audience: string;
  /** The issuer's key with this `kid`, or undefined. */
  readonly keyOf: (kid: string) => VerificationKey | undefined;
  /** For the userinfo endpoint alone; see `AccessTokenExpectations`. */
  readonly allowUnbound?: boolean;
  /** Tokens that were verified before; see `AccessTokenExpectations`. */
  readonly memory?: TokenMemory;
}

export interface VerifiedResourceRequest {
  readonly claims: AccessTokenClaims;
  readonly scope: readonly string[];
  /** Principal ids of the acting chain, current actor first. */
  readonly actors: readonly string[];
  /**
   * To be claimed once by the caller, under the issuer `proof.jkt`, before anything is done for the request. Absent
   * where the token is bound to the certificate of the connection, which needs no memory, or to nothing.
   */
  readonly proof?: VerifiedProof;
}

/**
 * Checks a request to a protected interface: an access token of ours for this audience, and possession of what it is
 * bound to, shown for this very request (RFC 9449 section 7) or on this connection (RFC 8705 section 3).
 *
 * What is left to the caller, because it needs a memory or knowledge of the interface: claiming the proof's id,
 * asking whether the token was revoked, and checking the scope.
 *
 * @throws CodedError of `accessTokenErrors` and `proofErrors`
 */
export async function verifyResourceRequest(
  request: ResourceRequest,
  expected: ResourceExpectations,
): Promise<VerifiedResourceRequest> {
  const presented = readPresentedToken(request.authorization);
  const { claims, scope, actors } = verifyAccessToken(presented.accessToken, {
    issuer: expected.issuer,
    acceptsAudience: (audience) => audience === expected.audience,
    keyOf: expected.keyOf,
    now: expected.now,
    allowUnbound: expected.allowUnbound,
    memory: expected.memory,
  });
  const proof = await verifyPossession(presented, claims.cnf, request, expected);
  return proof === undefined ? { claims, scope, actors } : { claims, scope, actors, proof };
}

/** True when a verifier that keeps a copy of the issuer's keys should fetch them anew and try once more. */
export function isKeyUnknown(error: unknown): boolean {
  return accessTokenErrors.is(error, 'token_key_unknown');
}
