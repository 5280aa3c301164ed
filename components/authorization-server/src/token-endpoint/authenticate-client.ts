import type { Client, DirectorySnapshot } from '@countersign/contracts';
import { type VerifiedClientAssertion, verifyClientAssertion } from '@countersign/oauth';
import type { ClientKeys } from '../client-keys.ts';
import { refuse } from '../refusal.ts';

export interface AuthenticatedClient {
  readonly client: Client;
  readonly assertion: VerifiedClientAssertion;
}

/** Who asks, shown by a key registered for it (RFC 7523 section 3, FAPI 2.0). The assertion is not yet claimed. */
export function authenticateClient(
  asked: { readonly clientAssertion: string; readonly clientId?: string },
  by: {
    readonly directory: DirectorySnapshot;
    readonly clientKeys: ClientKeys;
    readonly issuer: string;
    readonly now: number;
  },
): AuthenticatedClient {
  const assertion = verifyClientAssertion(asked.clientAssertion, {
    issuer: by.issuer,
    now: by.now,
    keysOf: (clientId) => {
      const client = by.directory.client(clientId);
      return client === undefined ? undefined : by.clientKeys(client);
    },
  });
  const client = by.directory.client(assertion.clientId);
  if (client === undefined) throw new Error('an assertion was verified for a client that the directory does not have');
  // RFC 7521 section 4.2: the parameter is not needed, but when there it must name the same client.
  if (asked.clientId !== undefined && asked.clientId !== client.id)
    throw refuse('client_id_differs', 'The client_id is not that of the client assertion.');
  return { client, assertion };
}
