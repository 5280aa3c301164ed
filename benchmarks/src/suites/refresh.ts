import { completeFlows, signIn } from '../code-flow.ts';
import { httpContender, tokenComplaint } from '../http-contender.ts';
import { formRequests } from '../machine-clients.ts';
import { venueOrders, venueScope } from '../market.ts';
import { measureInTurn, type Result } from '../measure.ts';
import { codeFlowServers, type PeerSuite } from './peer-suite.ts';

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
