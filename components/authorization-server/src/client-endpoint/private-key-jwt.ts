import type { Client } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { type RegisteredKey, verifyClientAssertion } from '@countersign/oauth';
import { refuse } from '../refusal.ts';
import type { AuthenticatedClient, AuthenticationRules, Presented } from './presented.ts';

/**
 * RFC 7523 section 3 under FAPI 2.0: a signature by a key of the client. Keys that are fetched are fetched anew, once,
 * when none of those held fits: that is how a client rolls its keys over.
 */
export async function privateKeyJwt(
  { assertion, clientId }: { readonly assertion: string; readonly clientId?: string },
  presented: Presented,
  rules: AuthenticationRules,
): Promise<AuthenticatedClient> {
  const { directory, now } = presented;
  const { clientKeys, issuer, furtherAudiences = [] } = rules;
  let fetches: Client | undefined;

  function keysOf(id: string): readonly RegisteredKey[] | undefined {
    const client = directory.client(id);
    if (client === undefined) return undefined;
    if (client.authentication.method !== 'private_key_jwt')
      throw refuse(
        'client_authentication_method',
        'The client is not registered to authenticate by a client_assertion.',
      );
    if (client.jwksUri !== undefined) fetches = client;
    return clientKeys.held(client, now);
  }
  const verify = () =>
    verifyClientAssertion(assertion, {
      issuer,
      now,
      keysOf,
      acceptedAudiences: (id) =>
        directory.client(id)?.profile === 'oidc' ? [`${issuer}/token`, ...furtherAudiences] : furtherAudiences,
    });

  let verified: Awaited<ReturnType<typeof verify>>;
  try {
    verified = await verify();
  } catch (error) {
    if (fetches === undefined || !isCodedError(error, 'client_assertion_key')) throw error;
    await clientKeys.fetch(fetches, now);
    verified = await verify();
  }
  const client = directory.client(verified.clientId);
  if (client === undefined) throw new Error('an assertion was verified for a client that the directory does not have');
  // RFC 7521 section 4.2: the parameter is not needed, but when there it must name the same client.
  if (clientId !== undefined && clientId !== client.id)
    throw refuse('client_id_differs', 'The client_id is not that of the client assertion.');
  clientKeys.checkAge(client, verified.keyThumbprint, now);
  return { client, assertion: verified };
}
