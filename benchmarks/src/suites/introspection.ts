import { createClient } from '@countersign/sdk';
import type { Answer } from '../http-connection.ts';
import { httpContender, readJson } from '../http-contender.ts';
import { formRequests, type MachineClient, pick } from '../machine-clients.ts';
import { venueOrders, venueReports, venueScope } from '../market.ts';
import { type Contender, measureInTurn, type Result, ratio } from '../measure.ts';
import type { Pace } from '../pace.ts';
import type { ServerProcess } from '../server-process.ts';
import { cpu, latency, rate, section, times } from '../table.ts';
import type { PeerSuite } from './suite.ts';

/** RFC 9701. */
const signedAnswer = 'application/token-introspection+jwt';

interface Asked {
  readonly name: string;
  readonly server: ServerProcess;
  /** The interface that the tokens are for; it decides about their form. */
  readonly resource: string;
  readonly signed: boolean;
}

/**
 * A resource server asks about tokens that stand (RFC 7662). node-oidc-provider introspects no JWT access tokens, so it
 * is compared by reference tokens; the floor has no store, so it is compared by JWTs.
 */
export async function measureIntrospection(suite: PeerSuite): Promise<readonly Result[]> {
  const { controlPlane, peers, pace, onProgress } = suite;
  const [ours, jwt, reference] = [controlPlane.server, venueOrders, venueReports];
  const contenders = [
    { name: 'Countersign, JWT', server: ours, resource: jwt, signed: false },
    { name: 'Countersign, JWT, signed answer', server: ours, resource: jwt, signed: true },
    { name: 'Countersign, reference', server: ours, resource: reference, signed: false },
    { name: 'Countersign, reference, signed answer', server: ours, resource: reference, signed: true },
    { name: 'bare, JWT', server: peers.bare, resource: jwt, signed: false },
    { name: 'bare, JWT, signed answer', server: peers.bare, resource: jwt, signed: true },
    { name: 'oidc-provider, reference', server: peers.oidcProvider, resource: reference, signed: false },
    { name: 'oidc-provider, reference, signed answer', server: peers.oidcProvider, resource: reference, signed: true },
  ].map((asked) => contenderOf(asked, suite));
  return measureInTurn(contenders, { rounds: pace.rounds, seconds: pace.httpSeconds / 2 }, (message) =>
    onProgress(`introspection: ${message}`),
  );
}

function contenderOf({ name, server, resource, signed }: Asked, { controlPlane, pace }: PeerSuite): Contender {
  const { traders, gateways } = controlPlane.market;
  return httpContender({
    name,
    server,
    connections: pace.connections,
    warmUpRequests: pace.warmUpRequests / 4,
    complaint: signed ? signedComplaint : activeComplaint,
    async prepare(count) {
      const tokens = await accessTokens(server.url, traders, resource);
      return formRequests({
        issuer: server.url,
        path: '/introspect',
        proof: false,
        clients: gateways,
        parameters: (_client, index) => ({ token: pick(tokens, index) }),
        headers: { accept: signed ? signedAnswer : 'application/json' },
        count,
      });
    },
  });
}

/** A fresh token of each client, for one interface. */
export function accessTokens(
  issuer: string,
  clients: readonly MachineClient[],
  resource: string,
): Promise<readonly string[]> {
  return Promise.all(
    clients.map(async ({ id: clientId, key, proofKey }) => {
      const client = createClient({ issuer, clientId, key, proofKey });
      return (await client.clientCredentials({ resource, scope: venueScope })).accessToken;
    }),
  );
}

/** For a load of introspections: whether the token was told to stand. */
export function activeComplaint({ status, body }: Answer): string | undefined {
  return status === 200 && readJson(body)['active'] === true ? undefined : 'which is not about an active token';
}

function signedComplaint({ status, body }: Answer): string | undefined {
  const claims = readJson(Buffer.from(body.split('.')[1] ?? '', 'base64url').toString('utf8'));
  const told = claims['token_introspection'];
  const active = typeof told === 'object' && told !== null && 'active' in told && told.active === true;
  return status === 200 && active ? undefined : 'which is not a signed answer about an active token';
}

export function introspectionSection(results: readonly Result[], { connections }: Pace): string {
  const [jwt, signedJwt, reference, signedReference, bare, signedBare, peer, signedPeer] = results;
  const cost = (what: string, of: Result | undefined, to: Result | undefined): string =>
    `  ${what}: ${times(of === undefined || to === undefined ? undefined : ratio(of, to, 'cpuUs'))} the server CPU of ${to?.name ?? '-'}`;
  return [
    section(`Introspection (RFC 7662, signed answers RFC 9701), ${connections} connections`, results, [
      rate('answers/s'),
      ...latency,
      ...cpu('server CPU µs'),
    ]),
    cost('JWT', jwt, bare),
    cost('JWT, signed answer', signedJwt, signedBare),
    cost('reference', reference, peer),
    cost('reference, signed answer', signedReference, signedPeer),
    '  oidc-provider introspects no JWT access tokens; the bare server has nowhere to keep references',
  ].join('\n');
}
