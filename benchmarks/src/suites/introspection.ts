import type { Answer } from '../http-connection.ts';
import { httpContender, readJson } from '../http-contender.ts';
import { clientOf, formRequests, pick } from '../machine-clients.ts';
import { type Market, venueOrders, venueReports, venueScope } from '../market.ts';
import { type Result, ratio } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { cpu, latency, rate, section, times } from '../table.ts';
import { measureOverHttp, type PeerSuite } from './suite.ts';

/** RFC 9701. */
const signedAnswer = 'application/token-introspection+jwt';

/**
 * A resource server asks about active tokens (RFC 7662). node-oidc-provider does not introspect JWT access tokens, so it is
 * compared by reference tokens; the floor has no store, so it is compared by JWTs.
 */
export function measureIntrospection(suite: PeerSuite): Promise<readonly Result[]> {
  const { controlPlane, peers, pace } = suite;
  const { connections, warmUpRequests } = pace;
  const contenders = [
    { name: 'Countersign, JWT', server: controlPlane.server, resource: venueOrders },
    { name: 'Countersign, reference', server: controlPlane.server, resource: venueReports },
    { name: 'bare, JWT', server: peers.bare, resource: venueOrders },
    { name: 'oidc-provider, reference', server: peers.oidcProvider, resource: venueReports },
  ].flatMap(({ name, server, resource }) =>
    [false, true].map((isSigned) =>
      httpContender({
        ...{ name: isSigned ? `${name}, signed answer` : name, server },
        ...{ connections, warmUpRequests: warmUpRequests / 4 },
        complaint: isSigned ? signedComplaint : activeComplaint,
        prepare: (count) =>
          introspectionRequests(
            { issuer: server.url, market: controlPlane.market, resource, count },
            { accept: isSigned ? signedAnswer : 'application/json' },
          ),
      }),
    ),
  );
  return measureOverHttp('introspection', contenders, {
    ...suite,
    pace: { ...pace, httpSeconds: pace.httpSeconds / 2 },
  });
}

/** Introspections by the gateways of fresh tokens of the traders for one interface, which determines their form. */
export async function introspectionRequests(
  asked: { readonly issuer: string; readonly market: Market; readonly resource: string; readonly count: number },
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly Buffer[]> {
  const { issuer, market, resource, count } = asked;
  const tokens = await Promise.all(
    market.traders.map((trader) => clientOf(trader, issuer).clientCredentials({ resource, scope: venueScope })),
  );
  return formRequests({
    ...{ issuer, path: '/introspect', proof: false, clients: market.gateways, headers, count },
    parameters: (_client, index) => ({ token: pick(tokens, index).accessToken }),
  });
}

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
    '  oidc-provider does not introspect JWT access tokens; the bare server does not store references',
  ].join('\n');
}
