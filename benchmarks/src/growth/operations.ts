import type { Answer } from '../http-connection.ts';
import { measured, readJson, tokenComplaint } from '../http-contender.ts';
import { performAll, sendAll } from '../http-load.ts';
import { formRequests, type MachineClient, pick } from '../machine-clients.ts';
import { venueOrders, venueReports, venueScope } from '../market.ts';
import { type Contender, roundOf } from '../measure.ts';
import { accessTokens, activeComplaint } from '../suites/introspection.ts';
import type { GrownSite } from './grown-site.ts';

const connections = 16;

/** A request that is measured at every size, with its own row in the table. */
export interface Operation {
  readonly name: string;
  /** @param count of requests in a round, the same at every size */
  contender(site: GrownSite, count: number): Contender;
}

type Prepare = (site: GrownSite, count: number) => readonly Buffer[] | Promise<readonly Buffer[]>;

export const operations: readonly Operation[] = [
  operation('token, client_credentials', tokenComplaint, ({ controlPlane }, count) =>
    formRequests({
      issuer: controlPlane.issuer,
      path: '/token',
      proof: true,
      clients: controlPlane.market.traders,
      parameters: () => clientCredentials,
      count,
    }),
  ),
  operation('token, refreshed', tokenComplaint, ({ controlPlane, consents }, count) => {
    const refreshTokens = new Map(consents.map(({ client, refreshToken = '' }) => [client, refreshToken]));
    return formRequests({
      issuer: controlPlane.issuer,
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
    });
  }),
  operation('introspection, JWT', activeComplaint, (site, count) => introspections(site, venueOrders, count)),
  operation('introspection, reference', activeComplaint, (site, count) => introspections(site, venueReports, count)),
  operation('revocation, access token', revokedComplaint, revocations),
];

const clientCredentials = { grant_type: 'client_credentials', resource: venueOrders, scope: venueScope };

function operation(name: string, complaint: (answer: Answer) => string | undefined, prepare: Prepare): Operation {
  return {
    name,
    contender(site, count) {
      const { server } = site;
      const send = async (part: number) => {
        const requests = await prepare(site, part);
        return roundOf(
          await measured(server, () => sendAll({ name, url: server.url, requests, connections, complaint })),
        );
      };
      return {
        name: site.asked.name,
        async warmUp() {
          await send(Math.ceil(count / 2));
        },
        round: () => send(count),
      };
    },
  };
}

async function introspections({ controlPlane }: GrownSite, resource: string, count: number) {
  const { issuer, market } = controlPlane;
  const tokens = await accessTokens(issuer, market.traders, resource);
  return formRequests({
    issuer,
    path: '/introspect',
    proof: false,
    clients: market.gateways,
    parameters: (_client, index) => ({ token: pick(tokens, index) }),
    count,
  });
}

/** Each ends a token of its own, which is issued beforehand. */
async function revocations({ controlPlane, server }: GrownSite, count: number): Promise<readonly Buffer[]> {
  const { issuer, market } = controlPlane;
  const clients: readonly MachineClient[] = market.traders;
  const tokens: string[] = [];
  const items = formRequests({
    issuer,
    path: '/token',
    proof: true,
    clients,
    parameters: () => clientCredentials,
    count,
  }).map((request, index) => ({ request, index }));
  await performAll({
    name: 'tokens to revoke',
    url: server.url,
    connections,
    items,
    async perform({ request, index }, connection) {
      const token = readJson((await connection.ask(request)).body)['access_token'];
      if (typeof token !== 'string') throw new Error('no token to revoke');
      tokens[index] = token;
    },
  });
  // The clients in the same turn: each ends what was issued to it.
  return formRequests({
    issuer,
    path: '/revoke',
    proof: false,
    clients,
    parameters: (_client, index) => ({ token: tokens[index] ?? '' }),
    count,
  });
}

function revokedComplaint({ status }: Answer): string | undefined {
  return status === 200 ? undefined : 'which ends nothing';
}
