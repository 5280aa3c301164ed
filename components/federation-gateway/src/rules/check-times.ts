import type { TrustProfile } from '@countersign/contracts';
import { type CheckedClaims, checkClaims, type JsonObject, type VerifiedClaims } from '@countersign/oauth';
import { clockSkewSeconds } from '../claim.ts';
import { refuse, refuseClaims } from '../refusal.ts';

/**
 * RFC 7523 section 3 items 3 to 6. Clocks may be ahead, but an expired assertion is never accepted, so that its id may
 * be forgotten.
 *
 * @param now seconds since the epoch @returns `exp`, in seconds since the epoch
 */
export function checkTimes(
  claims: VerifiedClaims,
  expected: { readonly audience: string; readonly profile: TrustProfile; readonly now: number },
): number {
  const { now, profile } = expected;
  const { maxLifetimeSeconds } = profile;
  const { exp } = checkPartnerClaims(claims, { ...expected, maxLifetimeSeconds });
  // An iat in the future, within the skew, must not extend the lifetime.
  if (exp - now > maxLifetimeSeconds)
    throw refuse(
      'assertion_lifetime',
      `It is valid for more than the ${maxLifetimeSeconds} seconds that the profile allows.`,
    );
  return Math.floor(exp);
}

/** Audience and times. Null counts as missing. */
export function checkPartnerClaims(
  claims: VerifiedClaims,
  rules: {
    readonly audience: string;
    readonly now: number;
    readonly maxAgeSeconds?: number;
    readonly maxLifetimeSeconds?: number;
  },
): CheckedClaims<'exp' | 'iat'> {
  const { audience, now, ...limits } = rules;
  const given: JsonObject = Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== null));
  return checkClaims(
    given,
    {
      nowSeconds: now,
      required: ['exp', 'iat'],
      audience: [audience],
      audienceArray: 'one',
      skewSeconds: clockSkewSeconds,
      ...limits,
    },
    refuseClaims,
  );
}
