import type { MeasuredControlPlane } from '../control-plane.ts';
import { httpContender, tokenComplaint } from '../http-contender.ts';
import { tokenRequests } from '../machine-clients.ts';
import { venueOrders, venueScope } from '../market.ts';
import { measureInTurn, type Result, ratio } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { cpu, latency, rate, section, times } from '../table.ts';
import type { SuiteOptions } from './suite.ts';

export interface KeysInATokenResults {
  /** By as many connections as the pace says: keys in software, then in the token. */
  readonly underLoad: readonly Result[];
  readonly alone: readonly Result[];
}

/** The same token request to a control plane with its keys in software and to one with all keys in SoftHSM. */
export async function measureKeysInAToken(
  options: SuiteOptions & { readonly software: MeasuredControlPlane; readonly token: MeasuredControlPlane },
): Promise<KeysInATokenResults> {
  const { software, token, pace, onProgress } = options;
  const { rounds, httpSeconds: seconds } = pace;
  const parameters = { grant_type: 'client_credentials', resource: venueOrders, scope: venueScope };
  const measure = (connections: number, warmUpRequests: number): Promise<readonly Result[]> =>
    measureInTurn(
      [
        { name: 'keys in software', controlPlane: software },
        { name: 'keys in SoftHSM', controlPlane: token },
      ].map(({ name, controlPlane: { server, market } }) =>
        httpContender({
          ...{ name, server, connections, warmUpRequests, complaint: tokenComplaint },
          prepare: (count) => tokenRequests({ issuer: server.url, clients: market.traders, parameters, count }),
        }),
      ),
      { rounds, seconds },
      (message) => onProgress(`keys in a token: ${message}`),
    );
  return {
    underLoad: await measure(pace.connections, pace.warmUpRequests),
    alone: await measure(1, Math.ceil(pace.warmUpRequests / 20)),
  };
}

export function keysInATokenSections(
  { underLoad, alone }: KeysInATokenResults,
  { connections }: Pace,
): readonly string[] {
  const columns = [rate('tokens/s'), ...latency, ...cpu('server CPU µs')];
  const [software, token] = underLoad;
  const compared = software === undefined || token === undefined ? undefined : ratio(token, software, 'rate');
  return [
    [
      section(`Tokens with keys in software and in a token, ${connections} connections`, underLoad, columns),
      `  ${times(compared)} the tokens/s; the CPU of the signer process is not in the table`,
    ].join('\n'),
    section('Tokens with keys in software and in a token, one at a time', alone, columns),
  ];
}
