import { publicJwk } from './machine-clients.ts';
import { deskRedirect, type Market, venueOrders, venueReports, venueScope } from './market.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';
import type { BaselineSettings } from './servers/measured-server.ts';
import type { Run } from './starter.ts';

/** The servers that ours is compared with over HTTP: the floor, and node-oidc-provider. Both have the same clients. */
export interface Peers {
  readonly bare: ServerProcess;
  readonly oidcProvider: ServerProcess;
}

export const peerNames = { bare: 'bare HTTP and cryptography', oidcProvider: 'oidc-provider, in memory' } as const;

export async function startPeers(market: Market, { started, onProgress }: Run): Promise<Peers> {
  const settings: BaselineSettings = {
    clients: [
      ...[...market.traders, ...market.gateways].map((client) => ({ client, grantTypes: ['client_credentials'] })),
      ...market.desks.map((client) => ({ client, grantTypes: ['authorization_code', 'refresh_token'] })),
    ].map(({ client, grantTypes }) => ({ id: client.id, jwk: publicJwk(client), grantTypes })),
    resources: [
      { uri: venueOrders, scope: venueScope, tokenFormat: 'jwt' },
      { uri: venueReports, scope: venueScope, tokenFormat: 'opaque' },
    ],
    redirectUri: deskRedirect,
  };
  return {
    bare: await started(startServerProcess({ name: 'bare-server', settings, onProgress })),
    oidcProvider: await started(startServerProcess({ name: 'oidc-provider-server', settings, onProgress })),
  };
}
