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
  /** The only accepted audience. */
  readonly audience: string;
  /** The issuer's key with this `kid`. */
  readonly keyOf: (kid: string) => VerificationKey | undefined;
  /** See {@link AccessTokenExpectations}. */
  readonly allowUnbound?: boolean;
  /** See {@link AccessTokenExpectations}. */
  readonly memory?: TokenMemory;
}

export interface VerifiedResourceRequest {
  readonly claims: AccessTokenClaims;
  readonly scope: readonly string[];
  /** Current actor first. */
  readonly actors: readonly string[];
  /**
   * The caller must claim its `jti` under the issuer `proof.jkt`. Absent if the token is bound to a certificate, or
   * unbound.
   */
  readonly proof?: VerifiedProof;
}

/**
 * Verifies token and possession (RFC 9449 section 7, RFC 8705 section 3). The caller must still claim the proof's
 * `jti`, and check revocation and scope. @throws CodedError of `accessTokenErrors` and `proofErrors`
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

/** Fetch the issuer's keys again and retry once. */
export function isKeyUnknown(error: unknown): boolean {
  return accessTokenErrors.is(error, 'token_key_unknown');
}
