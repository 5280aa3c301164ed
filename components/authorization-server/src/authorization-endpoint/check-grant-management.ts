import type { Client, GrantRegister, Person } from '@countersign/contracts';
import type { CheckedRequest } from './check-request.ts';
import { refuse } from './refusals.ts';

/**
 * Grant Management for OAuth: the grant that is to be merged with or replaced must be this client's and this person's.
 * Whose else it is, or whether it is, is not told.
 *
 * A grant holds scopes and interfaces side by side. Merged of two interfaces, it would give at each what was shown for
 * the other alone, so a consent for another interface is one of its own.
 */
export async function checkGrantManagement(
  { request: { grantManagement }, terms }: Pick<CheckedRequest, 'request' | 'terms'>,
  { client, person }: { readonly client: Client; readonly person: Person },
  grants: Pick<GrantRegister, 'find'>,
): Promise<void> {
  if (grantManagement === undefined || grantManagement.action === 'create') return;
  const grant = await grants.find(grantManagement.grantId);
  if (grant?.client !== client.id || grant.subject !== person.id || grant.status !== 'active')
    throw refuse('grant_unknown', 'The grant_id names no grant of this client and person.');
  const elsewhere = grant.resources.length > 0 && terms.resources.some((uri) => !grant.resources.includes(uri));
  if (grantManagement.action === 'merge' && elsewhere)
    throw refuse('grant_resource_differs', 'The grant is for another interface: ask for one of its own.');
  if (grantManagement.action === 'merge' && (grant.applicationDetails ?? terms.applicationDetails) !== undefined)
    throw refuse(
      'grant_not_merged',
      'Details of an application are a consent of their own: they are merged with no other.',
    );
}
