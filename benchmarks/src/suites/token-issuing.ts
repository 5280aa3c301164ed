import type { MeasuredControlPlane } from '../control-plane.ts';
import { httpContender, tokenComplaint } from '../http-contender.ts';
import { publicJwk, tokenRequests } from '../machine-clients.ts';
import { venueOrders, venueScope } from '../market.ts';
import { measureInTurn, type Result } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { type ServerProcess, startServerProcess } from '../server-process.ts';

/** The same token request to our server, to the floor and to node-oidc-provider. */
export async function measureTokenIssuing(options: {
  readonly controlPlane: MeasuredControlPlane;
  readonly pace: Pace;
  readonly onProgress: (message: string) => void;
}): Promise<readonly Result[]> {
  const { controlPlane, pace, onProgress } = options;
  const clients = controlPlane.market.traders;
  const settings = {
    clients: clients.map((client) => ({ id: client.id, jwk: publicJwk(client) })),
    resource: venueOrders,
    scope: venueScope,
  };
  const parameters = { grant_type: 'client_credentials', resource: venueOrders, scope: venueScope };
  const contender = (name: string, server: ServerProcess) =>
    httpContender({
      name,
      server,
      connections: pace.connections,
      warmUpRequests: pace.warmUpRequests,
      complaint: tokenComplaint,
      prepare: (count) => tokenRequests({ issuer: server.url, clients, parameters, count }),
    });

  const baselines: ServerProcess[] = [];
  try {
    const bare = await startServerProcess({ name: 'bare-server', settings, onProgress });
    baselines.push(bare);
    const oidcProvider = await startServerProcess({ name: 'oidc-provider-server', settings, onProgress });
    baselines.push(oidcProvider);
    const contenders = [
      contender('Countersign', controlPlane.server),
      contender('bare HTTP and cryptography', bare),
      contender('oidc-provider, in memory', oidcProvider),
    ];
    return await measureInTurn(contenders, { rounds: pace.rounds, seconds: pace.httpSeconds }, (message) =>
      onProgress(`tokens: ${message}`),
    );
  } finally {
    await Promise.all(baselines.map((server) => server.stop()));
  }
}
