import { publicJwk } from './machine-clients.ts';
import { deskRedirect, type Market, venueOrders, venueReports, venueScope } from './market.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';
import type { BaselineSettings } from './servers/measured-server.ts';

/** What our server is measured beside, over HTTP: the floor, and node-oidc-provider. Both know the same market. */
export interface Peers {
  readonly bare: ServerProcess;
  readonly oidcProvider: ServerProcess;
  stop(): Promise<void>;
}

/** As they are called in tables. */
export const peerNames = { bare: 'bare HTTP and cryptography', oidcProvider: 'oidc-provider, in memory' } as const;

export async function startPeers(market: Market, onProgress: (message: string) => void): Promise<Peers> {
  const settings: BaselineSettings = {
    clients: [
      ...market.traders.map((client) => ({ client, grantTypes: ['client_credentials'] })),
      ...market.gateways.map((client) => ({ client, grantTypes: ['client_credentials'] })),
      ...market.desks.map((client) => ({ client, grantTypes: ['authorization_code', 'refresh_token'] })),
    ].map(({ client, grantTypes }) => ({ id: client.id, jwk: publicJwk(client), grantTypes })),
    resources: [
      { uri: venueOrders, scope: venueScope, tokenFormat: 'jwt' },
      { uri: venueReports, scope: venueScope, tokenFormat: 'opaque' },
    ],
    redirectUri: deskRedirect,
  };
  const bare = await startServerProcess({ name: 'bare-server', settings, onProgress });
  try {
    const oidcProvider = await startServerProcess({ name: 'oidc-provider-server', settings, onProgress });
    return {
      bare,
      oidcProvider,
      async stop() {
        await Promise.all([bare.stop(), oidcProvider.stop()]);
      },
    };
  } catch (error) {
    await bare.stop();
    throw error;
  }
}
