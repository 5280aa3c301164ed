import { httpContender, tokenComplaint } from '../http-contender.ts';
import { tokenRequests } from '../machine-clients.ts';
import { venueOrders, venueScope } from '../market.ts';
import { measureInTurn, type Result } from '../measure.ts';
import { peerNames } from '../peers.ts';
import type { ServerProcess } from '../server-process.ts';
import type { PeerSuite } from './peer-suite.ts';

/** The same token request to our server, to the floor and to node-oidc-provider. */
export async function measureTokenIssuing({
  controlPlane,
  peers,
  pace,
  onProgress,
}: PeerSuite): Promise<readonly Result[]> {
  const clients = controlPlane.market.traders;
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
  const contenders = [
    contender('Countersign', controlPlane.server),
    contender(peerNames.bare, peers.bare),
    contender(peerNames.oidcProvider, peers.oidcProvider),
  ];
  return measureInTurn(contenders, { rounds: pace.rounds, seconds: pace.httpSeconds }, (message) =>
    onProgress(`tokens: ${message}`),
  );
}
