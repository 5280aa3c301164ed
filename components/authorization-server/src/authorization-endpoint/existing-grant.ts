import type { Client, Grant, GrantRegister, GrantTerms, Person } from '@countersign/contracts';
import { parseInstant } from '@countersign/kernel';
import type { AuthorizationRequest } from '@countersign/oauth';
import { type CheckedRequest, refuse } from '../authorization-request/index.ts';

/** Minimum remaining lifetime of a reused consent. */
const leastRemainingMs = 60_000;

/** An earlier consent that covers the request, for ordinary relying parties without intents. Others ask every time. */
export async function rememberedConsent(
  asked: {
    readonly client: Client;
    readonly person: Person;
    readonly request: AuthorizationRequest;
    readonly terms: GrantTerms;
    /** Milliseconds since the epoch. */
    readonly now: number;
  },
  grants: Pick<GrantRegister, 'list'>,
): Promise<Grant | undefined> {
  const { client, request, terms, now } = asked;
  if (client.profile !== 'oidc' || request.prompt.includes('consent')) return undefined;
  if (terms.details.length > 0 || terms.applicationDetails !== undefined) return undefined;
  if (request.grantManagement !== undefined) return undefined;
  const given = await grants.list({ client: client.id, subject: asked.person.id, status: 'active' });
  return given.find(
    (grant) =>
      grant.institution === asked.person.institution &&
      (parseInstant(grant.expiresAt) ?? 0) >= now + leastRemainingMs &&
      terms.scopes.every((scope) => grant.scopes.includes(scope)) &&
      terms.resources.every((resource) => grant.resources.includes(resource)),
  );
}

/**
 * The grant to merge or replace must belong to this client and person; the refusal does not disclose whether it exists. A grant
 * has one set of scopes for all its interfaces, so merging another interface would widen it.
 */
export async function checkGrantManagement(
  { request: { grantManagement }, terms }: Pick<CheckedRequest, 'request' | 'terms'>,
  { client, person }: { readonly client: Client; readonly person: Person },
  grants: Pick<GrantRegister, 'find'>,
): Promise<void> {
  if (grantManagement === undefined || grantManagement.action === 'create') return;
  const grant = await grants.find(grantManagement.grantId);
  if (grant?.client !== client.id || grant.subject !== person.id || grant.status !== 'active')
    throw refuse('grant_unknown', 'The grant_id does not name a grant of this client and person.');
  const otherInterface = grant.resources.length > 0 && terms.resources.some((uri) => !grant.resources.includes(uri));
  if (grantManagement.action === 'merge' && otherInterface)
    throw refuse('grant_resource_differs', 'The grant is for another interface. Create a separate grant for this one.');
  if (grantManagement.action === 'merge' && (grant.applicationDetails ?? terms.applicationDetails) !== undefined)
    throw refuse('grant_not_merged', 'Application details cannot be merged. Create a separate grant for them.');
}
