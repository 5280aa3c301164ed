import type { Client, GrantType, SingleUse } from '@countersign/contracts';
import { claimOnce } from '../client-endpoint/claim-credentials.ts';
import type { Spent } from '../grants/grant-handler.ts';
import { refuse } from '../refusal.ts';

/** Whether this client may use this grant. */
export function checkGrant(client: Client, grantType: GrantType): void {
  if (!client.grantTypes.includes(grantType))
    throw refuse('grant_not_allowed', `The client is not registered for the grant ${grantType}.`);
}

/** Takes what the grant itself uses up: of all who come with it at once, on all nodes, one goes on. */
export async function spend(all: readonly Spent[], singleUse: SingleUse): Promise<void> {
  await Promise.all(
    all.map(async (spent) => {
      if (!('take' in spent)) return claimOnce(spent, 'assertion_replayed', singleUse);
      if ((await spent.take()) === 'replayed') throw await spent.replayed();
    }),
  );
}
