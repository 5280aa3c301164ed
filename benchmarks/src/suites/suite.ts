import type { CodeFlowServer } from '../code-flow.ts';
import type { MeasuredControlPlane } from '../control-plane.ts';
import type { InProcess } from '../in-process.ts';
import { consentedScope, venueOrders } from '../market.ts';
import { type Contender, type Figure, measureInTurn, type Result, ratio } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { type Peers, peerNames } from '../peers.ts';
import type { ServerProcess } from '../server-process.ts';
import { about, type Progress, type Run } from '../starter.ts';
import { times } from '../table.ts';

export interface SuiteOptions {
  readonly pace: Pace;
  readonly onProgress: Progress;
}

/** The input of a suite that measures components in this process. */
export interface InProcessOptions extends SuiteOptions, Run {
  readonly inProcess: InProcess;
}

/** The input of a suite that compares our server with others. */
export interface PeerSuite extends SuiteOptions {
  readonly controlPlane: MeasuredControlPlane;
  readonly peers: Peers;
}

export function measureOverHttp<Turn>(
  what: string,
  contenders: readonly Contender<Turn>[],
  { pace, onProgress }: SuiteOptions,
): Promise<readonly Result<Turn>[]> {
  return measureInTurn(contenders, { rounds: pace.rounds, seconds: pace.httpSeconds }, about(what, onProgress));
}

/** Ours first, then the floor, then node-oidc-provider: the order that the tables expect. */
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
