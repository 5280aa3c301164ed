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
  /** The requested resource, which is the only accepted audience. */
  readonly audience: string;
  /** The issuer's key with this `kid`, or undefined. */
  readonly keyOf: (kid: string) => VerificationKey | undefined;
  /** Only for the userinfo endpoint; see `AccessTokenExpectations`. */
  readonly allowUnbound?: boolean;
  /** Tokens verified before; see `AccessTokenExpectations`. */
  readonly memory?: TokenMemory;
}

export interface VerifiedResourceRequest {
  readonly claims: AccessTokenClaims;
  readonly scope: readonly string[];
  /** Principal ids of the acting chain, current actor first. */
  readonly actors: readonly string[];
  /**
   * The caller must claim its `jti` once, under the issuer `proof.jkt`, before processing the request. Absent if the token is
   * bound to the connection's certificate, which needs no memory, or unbound.
   */
  readonly proof?: VerifiedProof;
}

/**
 * Verifies a request to a protected interface: an access token of this issuer for this audience, and proof of possession for
 * this request (RFC 9449 section 7) or on this connection (RFC 8705 section 3).
 *
 * The caller must still claim the proof's `jti`, check revocation and check the scope, because these need state or knowledge
 * of the interface.
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

/** True if a verifier with cached issuer keys should fetch them again and retry once. */
export function isKeyUnknown(error: unknown): boolean {
  return accessTokenErrors.is(error, 'token_key_unknown');
}
