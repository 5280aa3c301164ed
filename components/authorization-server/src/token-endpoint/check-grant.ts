import type { Client, GrantType, SingleUse, SingleUseClaim } from '@countersign/contracts';
import { claimOnce } from '../client-endpoint/claim-credentials.ts';
import { refuse } from '../refusal.ts';

/** Whether this client may use this grant. */
export function checkGrant(client: Client, grantType: GrantType): void {
  if (!client.grantTypes.includes(grantType))
    throw refuse('grant_not_allowed', `The client is not registered for the grant ${grantType}.`);
}

/** Takes what the grant itself uses up. */
export async function claimGrant(claims: readonly SingleUseClaim[], singleUse: SingleUse): Promise<void> {
  await Promise.all(claims.map((claim) => claimOnce(claim, 'assertion_replayed', singleUse)));
}
