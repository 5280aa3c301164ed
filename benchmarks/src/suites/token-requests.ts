import { createClient } from '@countersign/sdk';
import { completeFlows, pushComplaint, pushParameters, signIn } from '../code-flow.ts';
import type { MeasuredControlPlane } from '../control-plane.ts';
import { httpContender, tokenComplaint } from '../http-contender.ts';
import { formRequests, tokenRequests } from '../machine-clients.ts';
import { clearingScope, clearingTrades, venueOrders, venueScope } from '../market.ts';
import { measureInTurn, type Result, ratio } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { peerNames } from '../peers.ts';
import type { ServerProcess } from '../server-process.ts';
import { cpu, latency, rate, section, times, verdict } from '../table.ts';
import type { SuiteOptions } from './suite.ts';
import { besidePeers, codeFlowServers, type PeerSuite } from './suite.ts';

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

/** Pushed authorization requests (RFC 9126): the client authenticates, the request is checked and kept. */
export async function measurePushedAuthorization(suite: PeerSuite): Promise<readonly Result[]> {
  const { pace, onProgress } = suite;
  const contenders = codeFlowServers(suite).map((asked) =>
    httpContender({
      name: asked.name,
      server: asked.server,
      connections: pace.connections,
      warmUpRequests: pace.warmUpRequests / 4,
      complaint: pushComplaint,
      prepare: (count) =>
        formRequests({
          ...asked,
          path: '/par',
          proof: false,
          parameters: (_client, index) => pushParameters(asked, index),
          count,
        }),
    }),
  );
  return measureInTurn(contenders, { rounds: pace.rounds, seconds: pace.httpSeconds }, (message) =>
    onProgress(`pushed-authorization: ${message}`),
  );
}

/** Of as many consents a refresh token is used, again and again: none of the servers rotates them. */
const consents = 16;

/**
 * Refreshed access tokens (RFC 6749 section 6). The market's scopes alone are asked for: with `openid` there would be
 * a second signature, for an ID token.
 */
export async function measureRefresh(suite: PeerSuite): Promise<readonly Result[]> {
  const { pace, onProgress } = suite;
  const people = suite.controlPlane.market.people.slice(0, consents);
  const contenders = await Promise.all(
    codeFlowServers(suite).map(async (asked) => {
      const flows = await completeFlows(asked, await signIn(asked, people));
      const refreshTokens = new Map(flows.map(({ client, refreshToken = '' }) => [client, refreshToken]));
      return httpContender({
        name: asked.name,
        server: asked.server,
        connections: pace.connections,
        warmUpRequests: pace.warmUpRequests / 2,
        complaint: tokenComplaint,
        prepare: (count) =>
          formRequests({
            issuer: asked.issuer,
            path: '/token',
            proof: true,
            clients: [...refreshTokens.keys()],
            parameters: (client) => ({
              grant_type: 'refresh_token',
              refresh_token: refreshTokens.get(client) ?? '',
              resource: venueOrders,
              scope: venueScope,
            }),
            count,
          }),
      });
    }),
  );
  return measureInTurn(contenders, { rounds: pace.rounds, seconds: pace.httpSeconds }, (message) =>
    onProgress(`refresh: ${message}`),
  );
}

/** A venue exchanges a token it was given for a narrower one that only clearing accepts. */
export async function measureTokenExchange(
  options: SuiteOptions & { readonly controlPlane: MeasuredControlPlane },
): Promise<readonly Result[]> {
  const { controlPlane, pace, onProgress } = options;
  const { issuer, market } = controlPlane;
  const [holder] = market.traders;
  if (holder === undefined) throw new Error('a market without traders');
  const owner = createClient({ issuer, clientId: holder.id, key: holder.key, proofKey: holder.proofKey });
  const contender = httpContender({
    name: 'Countersign',
    server: controlPlane.server,
    connections: pace.connections,
    warmUpRequests: pace.warmUpRequests / 2,
    complaint: tokenComplaint,
    async prepare(count) {
      const subject = await owner.clientCredentials({ resource: venueOrders, scope: venueScope });
      const parameters = {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: subject.accessToken,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        resource: clearingTrades,
        scope: clearingScope,
      };
      return tokenRequests({ issuer, clients: market.gateways, parameters, count });
    },
  });
  return measureInTurn([contender], { rounds: pace.rounds, seconds: pace.httpSeconds }, (message) =>
    onProgress(`exchange: ${message}`),
  );
}

export function tokensSection(results: readonly Result[], { connections, rounds }: Pace): string {
  const [ours, bare, oidcProvider] = results;
  const lines = [
    section(`Client-credentials tokens (private_key_jwt, DPoP, ES256), ${connections} connections`, results, [
      rate('tokens/s'),
      ...latency,
      ...cpu('server CPU µs'),
    ]),
  ];
  if (ours !== undefined && bare !== undefined && oidcProvider !== undefined)
    lines.push(
      verdict('the tokens/s of oidc-provider', ratio(ours, oidcProvider, 'rate'), { atLeast: 1.5 }, rounds),
      verdict('the server CPU of the bare server', ratio(ours, bare, 'cpuUs'), { atMost: 2 }, rounds),
      `  ${times(ratio(ours, oidcProvider, 'cpuUs'))} the server CPU of oidc-provider, which verifies on several threads at once`,
    );
  return lines.join('\n');
}

export function pushedSection(results: readonly Result[], { connections }: Pace): string {
  return besidePeers(
    section(`Pushed authorization requests (RFC 9126), ${connections} connections`, results, [
      rate('requests/s'),
      ...latency,
      ...cpu('server CPU µs'),
    ]),
    results,
  );
}

export function refreshSection(results: readonly Result[], { connections }: Pace): string {
  return besidePeers(
    section(`Refreshed tokens (private_key_jwt, DPoP, no rotation), ${connections} connections`, results, [
      rate('tokens/s'),
      ...latency,
      ...cpu('server CPU µs'),
    ]),
    results,
  );
}

export function exchangeSection(results: readonly Result[], { connections }: Pace): string {
  return section(`Token exchange (RFC 8693), ${connections} connections`, results, [
    rate('tokens/s'),
    ...latency,
    ...cpu('server CPU µs'),
  ]);
}
