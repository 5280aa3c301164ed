import type { TrustProfile } from '@countersign/contracts';
import type { VerifiedClaims } from '@countersign/oauth';
import { claimOf, clockSkewSeconds, timeClaim } from '../claim.ts';
import { refuse } from '../refusal.ts';

/**
 * RFC 7523 section 3 items 4 to 6. A difference of clocks is borne with where the assertion seems to come from the
 * future; an end that has passed is an end, so that an id may be forgotten then.
 *
 * @param now seconds since the epoch
 * @returns `exp`, in seconds since the epoch
 */
export function checkTimes(claims: VerifiedClaims, { maxLifetimeSeconds }: TrustProfile, now: number): number {
  const expiresAt = timeClaim(claims, 'exp');
  const issuedAt = timeClaim(claims, 'iat');
  if (expiresAt === undefined || issuedAt === undefined)
    throw refuse('assertion_claim_missing', 'It must have exp and iat, in seconds.');
  if (expiresAt <= now) throw refuse('assertion_expired', 'It has expired.');
  if (issuedAt > now + clockSkewSeconds) throw refuse('assertion_not_yet_valid', 'Its iat lies ahead.');
  checkNotBefore(claims, now);
  // An iat ahead, within the skew, must not lengthen the life either.
  if (expiresAt - Math.min(issuedAt, now) > maxLifetimeSeconds)
    throw refuse(
      'assertion_lifetime',
      `It is valid for more than the ${maxLifetimeSeconds} seconds that the profile allows.`,
    );
  return expiresAt;
}

/** RFC 7519 section 4.1.5: what is not yet valid is not accepted, whatever kind of token it is. @param now seconds since the epoch */
export function checkNotBefore(claims: VerifiedClaims, now: number): void {
  if (claimOf(claims, 'nbf') === undefined) return;
  const notBefore = timeClaim(claims, 'nbf');
  if (notBefore === undefined || notBefore > now + clockSkewSeconds)
    throw refuse('assertion_not_yet_valid', 'Its nbf lies ahead, or is no time.');
}
