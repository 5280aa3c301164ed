import type { TrustProfile } from '@countersign/contracts';
import type { VerifiedClaims } from '@countersign/oauth';
import { claimOf, clockSkewSeconds, textClaim, timeClaim } from '../claim.ts';
import { refuse } from '../refusal.ts';

/** According to the partner. */
export interface SignIn {
  readonly acr: string;
  readonly amr: readonly string[];
  /** Seconds since the epoch. */
  readonly authTime: number;
}

export function checkAssurance(claims: VerifiedClaims, profile: TrustProfile, now: number): SignIn {
  const acr = textClaim(claims, 'acr', 256);
  if (acr === undefined || !profile.acrValues.includes(acr))
    throw refuse('assertion_assurance', 'Its acr is missing, or is not accepted by the profile of its issuer.');
  const authTime = timeClaim(claims, 'auth_time');
  if (authTime === undefined) throw refuse('assertion_claim_missing', 'It must have an auth_time, in seconds.');
  if (authTime > now + clockSkewSeconds) throw refuse('assertion_not_yet_valid', 'Its auth_time is in the future.');
  if (now - authTime > profile.maxAuthenticationAgeSeconds)
    throw refuse(
      'assertion_stale_sign_in',
      `The sign-in is older than the ${profile.maxAuthenticationAgeSeconds} seconds that the profile allows.`,
    );
  return { acr, amr: readMethods(claims), authTime };
}

/** RFC 8176. Optional, but valid if present, because it is kept as evidence. */
function readMethods(claims: VerifiedClaims): readonly string[] {
  const value = claimOf(claims, 'amr');
  if (value === undefined) return [];
  const methods = Array.isArray(value)
    ? value.filter((method): method is string => typeof method === 'string' && /^[\w.:-]{1,32}$/.test(method))
    : [];
  if (!Array.isArray(value) || methods.length !== value.length || methods.length > 16)
    throw refuse('assertion_malformed', 'Its amr is not a list of at most 16 method names.');
  return methods;
}
