import { equalInConstantTime } from '@countersign/kernel';
import { accessTokenHash, type JwsAlgorithm, type VerifiedClaims } from '@countersign/oauth';
import { claimOf, textClaim } from '../claim.ts';
import { refuse } from '../refusal.ts';
import { checkPartnerClaims } from './check-times.ts';

/** An older ID token belongs to another request. */
const oldestSeconds = 300;

/**
 * OpenID Connect Core section 3.1.3.7: the answer to this request, and recent. Its lifetime does not matter, since it
 * is used once and at once.
 *
 * @param now seconds since the epoch
 */
export function checkIdToken(
  claims: VerifiedClaims,
  expected: {
    readonly clientId: string;
    readonly nonce: string;
    readonly accessToken: string | undefined;
    readonly algorithm: JwsAlgorithm;
  },
  now: number,
): void {
  checkPartnerClaims(claims, { audience: expected.clientId, now, maxAgeSeconds: oldestSeconds });
  const nonce = textClaim(claims, 'nonce', 512);
  if (nonce === undefined || !equalInConstantTime(nonce, expected.nonce))
    throw refuse('assertion_nonce', 'Its nonce is not that of the request.');
  const authorizedParty = claimOf(claims, 'azp');
  if (authorizedParty !== undefined && authorizedParty !== expected.clientId)
    throw refuse('assertion_client', 'Its azp is another client.');
  const hash = claimOf(claims, 'at_hash');
  if (
    hash !== undefined &&
    (typeof hash !== 'string' ||
      expected.accessToken === undefined ||
      !equalInConstantTime(hash, accessTokenHash(expected.accessToken, expected.algorithm)))
  )
    throw refuse('assertion_malformed', 'Its at_hash is not that of the access token that came with it.');
}
