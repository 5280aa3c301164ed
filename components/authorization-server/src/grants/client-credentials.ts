import type { GrantHandler } from './grant-handler.ts';

/** RFC 6749 section 4.4: a service or agent acts itself, for its own institution. */
export function clientCredentials(): GrantHandler {
  return {
    grantType: 'client_credentials',
    parse: () => ({
      async resolve({ client, method }) {
        return {
          subject: client.principal,
          institution: client.institution,
          actors: [],
          ceiling: {},
          authentication: { method },
          singleUse: [],
          references: [],
        };
      },
    }),
  };
}
