import type { CodeFlowServer } from '../code-flow.ts';
import type { MeasuredControlPlane } from '../control-plane.ts';
import type { InProcess } from '../in-process.ts';
import { consentedScope, venueOrders } from '../market.ts';
import { type Figure, type Result, ratio } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { type Peers, peerNames } from '../peers.ts';
import type { ServerProcess } from '../server-process.ts';
import type { Starter } from '../starter.ts';
import { times } from '../table.ts';

/** What every suite gets from the run. */
export interface SuiteOptions {
  readonly pace: Pace;
  readonly onProgress: (message: string) => void;
}

/** What a suite gets that measures components in this process. */
export interface InProcessOptions extends SuiteOptions {
  readonly inProcess: InProcess;
  /** Where it may write files. */
  readonly folder: string;
  readonly started: Starter;
}

/** What a suite is given that puts our server beside others. */
export interface PeerSuite extends SuiteOptions {
  readonly controlPlane: MeasuredControlPlane;
  readonly peers: Peers;
}

/** Ours first, then the floor, then node-oidc-provider: the order in which the report expects them. */
export function codeFlowServers({
  controlPlane,
  peers,
}: Pick<PeerSuite, 'controlPlane' | 'peers'>): readonly (CodeFlowServer & { readonly server: ServerProcess })[] {
  const asked = { clients: controlPlane.market.desks, resource: venueOrders, scope: consentedScope };
  return [
    { name: 'Countersign', server: controlPlane.server },
    { name: peerNames.bare, server: peers.bare },
    { name: peerNames.oidcProvider, server: peers.oidcProvider },
  ].map(({ name, server }) => ({ ...asked, name, server, issuer: server.url }));
}

export function besidePeers(said: string, [ours, ...peers]: readonly Result[]): string {
  const lines = peers.map((peer) => {
    const of = (name: Figure) => times(ours === undefined ? undefined : ratio(ours, peer, name));
    return `  ${of('rate')} the rate and ${of('cpuUs')} the server CPU of ${peer.name}`;
  });
  return [said, ...lines].join('\n');
}
