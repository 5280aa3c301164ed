import type { Client, Grant, GrantRegister, GrantTerms, Person } from '@countersign/contracts';
import { parseInstant } from '@countersign/kernel';
import type { AuthorizationRequest } from '@countersign/oauth';

/** How long a remembered consent must still last to be used again. */
const leastRemainingMs = 60_000;

/**
 * The consent that this person has given to this client before, if it covers what is asked for now. For ordinary
 * relying parties alone: software that trades asks each time, and so does everything with an intent.
 */
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
