import type { TrustProfile } from '@countersign/contracts';
import { hasType, type JwsHeader, type VerifiedClaims } from '@countersign/oauth';
import { claimOf, textClaim } from '../claim.ts';
import { refuse } from '../refusal.ts';

/** The `jti` is optional in RFC 7523 and required here, because single use depends on it. */
export function readAssertionId(claims: VerifiedClaims): string {
  const id = textClaim(claims, 'jti', 256);
  if (id === undefined) throw refuse('assertion_claim_missing', 'It must have a jti of 1 to 256 characters.');
  return id;
}

export function checkRequiredClaims(claims: VerifiedClaims, { requiredClaims }: TrustProfile): void {
  for (const name of requiredClaims) {
    const value = claimOf(claims, name);
    if (value === undefined || value === '')
      throw refuse('assertion_claim_missing', `The profile of its issuer requires the claim ${name}.`);
  }
}

/**
 * An authorization grant (`oauth-id-jag+jwt`), and any assertion, may name one client. From another client it is
 * stolen.
 */
export function checkClient(header: JwsHeader, claims: VerifiedClaims, client: string | undefined): void {
  const named = claimOf(claims, 'client_id');
  if (named === undefined) {
    if (hasType(header, 'oauth-id-jag+jwt'))
      throw refuse('assertion_claim_missing', 'An assertion of this typ must have a client_id.');
    return;
  }
  if (client === undefined || named !== client) throw refuse('assertion_client', 'It was issued for another client.');
}
