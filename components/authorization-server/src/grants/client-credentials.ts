import { refuse } from '../refusal.ts';
import type { GrantHandler } from './grant-handler.ts';

/** RFC 6749 section 4.4: a service or agent acts itself, for its own institution. */
export function clientCredentials(): GrantHandler {
  return {
    grantType: 'client_credentials',
    parse: () => ({
      async resolve({ client, directory }) {
        if (directory.principal(client.principal) === undefined)
          throw refuse('principal_unknown', 'The service or agent of this client is not in the directory.');
        return {
          subject: client.principal,
          institution: client.institution,
          actors: [],
          ceiling: {},
          authentication: { method: 'private_key_jwt' },
          singleUse: [],
          references: [],
        };
      },
    }),
  };
}
