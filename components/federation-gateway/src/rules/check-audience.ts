import type { VerifiedClaims } from '@countersign/oauth';
import { claimOf } from '../claim.ts';
import { refuse } from '../refusal.ts';

/** Meant for us, and for nobody else who could then use it here (RFC 7523 section 3 item 3). */
export function checkAudience(claims: VerifiedClaims, ourIssuer: string): void {
  const audience = claimOf(claims, 'aud');
  const named: unknown = Array.isArray(audience) && audience.length === 1 ? audience[0] : audience;
  if (named !== ourIssuer) throw refuse('assertion_audience', `Its aud must be ${ourIssuer}, and nothing beside it.`);
}
