import type { Client, GrantRegister, Person } from '@countersign/contracts';
import type { AuthorizationRequest } from '@countersign/oauth';
import { refuse } from './refusals.ts';

/**
 * Grant Management for OAuth: the grant that is to be merged with or replaced must be this client's and this person's.
 * Whose else it is, or whether it is, is not told.
 */
export async function checkGrantManagement(
  { grantManagement }: Pick<AuthorizationRequest, 'grantManagement'>,
  { client, person }: { readonly client: Client; readonly person: Person },
  grants: Pick<GrantRegister, 'find'>,
): Promise<void> {
  if (grantManagement === undefined || grantManagement.action === 'create') return;
  const grant = await grants.find(grantManagement.grantId);
  if (grant?.client !== client.id || grant.subject !== person.id || grant.status !== 'active')
    throw refuse('grant_unknown', 'The grant_id names no grant of this client and person.');
}
