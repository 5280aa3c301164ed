import type { GrantHandler } from '../grant-handler.ts';
import { grantManagementScopes } from '../grant-management/index.ts';

/** RFC 6749 section 4.4: a service or agent acts for itself and its own institution. */
export function clientCredentials(): GrantHandler<'client_credentials'> {
  return {
    grantType: 'client_credentials',
    parse: () => ({
      async resolve({ client, method }) {
        const grantScopes = [...grantManagementScopes].filter((scope) => client.scopes.includes(scope));
        return {
          subject: client.principal,
          institution: client.institution,
          actors: [],
          // Only protocol scopes for its own grants.
          ceiling: grantScopes.length === 0 ? {} : { protocolScopes: new Set(grantScopes) },
          authentication: { method },
          usedUp: undefined,
          references: [],
        };
      },
    }),
  };
}
