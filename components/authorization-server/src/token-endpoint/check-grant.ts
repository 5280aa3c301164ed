import type { Client, GrantType, SingleUse } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { usedBefore } from '../client-endpoint/claim-credentials.ts';
import type { UsedUp } from '../grants/grant-use.ts';
import { refuse } from '../refusal.ts';

/** Whether this client may use this grant. */
export function checkGrant(client: Client, grantType: GrantType): void {
  if (!client.grantTypes.includes(grantType))
    throw refuse('grant_not_allowed', `The client is not registered for the grant ${grantType}.`);
}

/** Takes what the grant uses up: of all who come with it at once, on all nodes, one goes on. */
export async function spend(usedUp: UsedUp<GrantType>, singleUse: SingleUse): Promise<void> {
  if (usedUp === undefined) return;
  const taken = 'take' in usedUp ? await usedUp.take() : await singleUse.claim(usedUp);
  if (taken === 'replayed') throw await replayed(usedUp);
}

/**
 * The record of a token whose grant uses something up is there once (`recordIdFor`): whoever gets as far a second time, because a row
 * was put back or a claim was lost, is refused as one who brings it again.
 */
export async function refuseIssuedBefore(error: unknown, usedUp: UsedUp<GrantType>): Promise<never> {
  throw usedUp !== undefined && isCodedError(error, 'record_identity_taken') ? await replayed(usedUp) : error;
}

async function replayed(usedUp: NonNullable<UsedUp<GrantType>>): Promise<Error> {
  return 'take' in usedUp ? usedUp.replayed() : usedBefore(usedUp, 'assertion_replayed');
}
