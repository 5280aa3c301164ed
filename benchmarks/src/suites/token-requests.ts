import { completeFlows, pushComplaint, pushRequests, refreshRequests, signIn } from '../code-flow.ts';
import type { MeasuredControlPlane } from '../control-plane.ts';
import { httpContender, tokenComplaint } from '../http-contender.ts';
import { clientOf, pick, tokenRequests } from '../machine-clients.ts';
import { clearingScope, clearingTrades, venueOrders, venueScope, venueToken } from '../market.ts';
import { type Result, ratio } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { cpu, latency, rate, section, times, verdict } from '../table.ts';
import { besidePeers, codeFlowServers, measureOverHttp, type PeerSuite, type SuiteOptions } from './suite.ts';

/** The same token request to our server, to the floor and to node-oidc-provider. */
export function measureTokenIssuing(suite: PeerSuite): Promise<readonly Result[]> {
  const clients = suite.controlPlane.market.traders;
  const contenders = codeFlowServers(suite).map(({ name, server, issuer }) =>
    httpContender({
      ...{ name, server, complaint: tokenComplaint },
      ...suite.pace,
      prepare: (count) => tokenRequests({ issuer, clients, parameters: venueToken, count }),
    }),
  );
  return measureOverHttp('tokens', contenders, suite);
}

/** Pushed authorization requests (RFC 9126): the client authenticates; the request is checked and stored. */
export function measurePushedAuthorization(suite: PeerSuite): Promise<readonly Result[]> {
  const { connections, warmUpRequests } = suite.pace;
  const contenders = codeFlowServers(suite).map((asked) =>
    httpContender({
      ...{ name: asked.name, server: asked.server, complaint: pushComplaint },
      ...{ connections, warmUpRequests: warmUpRequests / 4 },
      prepare: (count) => pushRequests(asked, count),
    }),
  );
  return measureOverHttp('pushed-authorization', contenders, suite);
}

/** Refresh tokens in use. No server rotates them. */
const consents = 16;

/** Refreshed access tokens (RFC 6749 section 6). */
export async function measureRefresh(suite: PeerSuite): Promise<readonly Result[]> {
  const { connections, warmUpRequests } = suite.pace;
  const people = suite.controlPlane.market.people.slice(0, consents);
  const contenders = await Promise.all(
    codeFlowServers(suite).map(async (asked) => {
      const flows = await completeFlows(asked, await signIn(asked, people));
      return httpContender({
        ...{ name: asked.name, server: asked.server, complaint: tokenComplaint },
        ...{ connections, warmUpRequests: warmUpRequests / 2 },
        prepare: (count) => refreshRequests(asked.issuer, flows, count),
      });
    }),
  );
  return measureOverHttp('refresh', contenders, suite);
}

/** A venue exchanges a token for a narrower one that only clearing accepts. */
export function measureTokenExchange(
  suite: SuiteOptions & { readonly controlPlane: MeasuredControlPlane },
): Promise<readonly Result[]> {
  const { server, issuer, market } = suite.controlPlane;
  const { connections, warmUpRequests } = suite.pace;
  const owner = clientOf(pick(market.traders, 0), issuer);
  const contender = httpContender({
    ...{ name: 'Countersign', server, complaint: tokenComplaint },
    ...{ connections, warmUpRequests: warmUpRequests / 2 },
    async prepare(count) {
      const { accessToken } = await owner.clientCredentials({ resource: venueOrders, scope: venueScope });
      const parameters = {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: accessToken,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        resource: clearingTrades,
        scope: clearingScope,
      };
      return tokenRequests({ issuer, clients: market.gateways, parameters, count });
    },
  });
  return measureOverHttp('exchange', [contender], suite);
}

const tokenColumns = [rate('tokens/s'), ...latency, ...cpu('server CPU µs')];

export function tokensSection(results: readonly Result[], { connections, rounds }: Pace): string {
  const [ours, bare, oidcProvider] = results;
  const title = `Client-credentials tokens (private_key_jwt, DPoP, ES256), ${connections} connections`;
  const lines = [section(title, results, tokenColumns)];
  if (ours !== undefined && bare !== undefined && oidcProvider !== undefined)
    lines.push(
      verdict('the tokens/s of oidc-provider', ratio(ours, oidcProvider, 'rate'), { atLeast: 1.5 }, rounds),
      verdict('the server CPU of the bare server', ratio(ours, bare, 'cpuUs'), { atMost: 2 }, rounds),
      `  ${times(ratio(ours, oidcProvider, 'cpuUs'))} the server CPU of oidc-provider, which verifies on several threads at once`,
    );
  return lines.join('\n');
}

export function pushedSection(results: readonly Result[], { connections }: Pace): string {
  const title = `Pushed authorization requests (RFC 9126), ${connections} connections`;
  const columns = [rate('requests/s'), ...latency, ...cpu('server CPU µs')];
  return besidePeers(section(title, results, columns), results);
}

export function refreshSection(results: readonly Result[], { connections }: Pace): string {
  const title = `Refreshed tokens (private_key_jwt, DPoP, no rotation), ${connections} connections`;
  return besidePeers(section(title, results, tokenColumns), results);
}

export function exchangeSection(results: readonly Result[], { connections }: Pace): string {
  return section(`Token exchange (RFC 8693), ${connections} connections`, results, tokenColumns);
}
