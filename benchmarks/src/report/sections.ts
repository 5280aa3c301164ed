import { codeFlowSteps } from '../code-flow.ts';
import { type Figure, figure, type Result, ratio } from '../measure.ts';
import type { Pace } from '../pace.ts';
import type { CodeFlowResults } from '../suites/authorization-code.ts';
import { cpu, latency, number, rate, section, table, times } from './table.ts';
import { verdict } from './verdict.ts';

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

const stepTitles = {
  push: 'the client pushes its request',
  authorize: 'a signed-in person opens it',
  consent: 'and allows',
  redeem: 'the client redeems the code: access, ID and refresh token',
} as const;

/** The whole flow, then where it goes. */
export function codeFlowSections(results: CodeFlowResults, { connections }: Pace): readonly string[] {
  const { total } = results;
  const whole = besidePeers(
    section(
      `Authorization code flow from end to end (PAR, S256, sessions and consent over HTTP, DPoP), ${connections} connections`,
      total,
      [rate('flows/s'), ...latency, ...cpu('server CPU µs')],
    ),
    total,
  );
  const steps = codeFlowSteps.map((step) => {
    const [ours, bare, oidcProvider] = results[step];
    const of = (result: Result | undefined, name: Figure, digits: number) =>
      number(result === undefined ? undefined : figure(result, name), digits);
    const beside = (peer: Result | undefined) =>
      times(ours === undefined || peer === undefined ? undefined : ratio(ours, peer, 'cpuUs'));
    const own = [of(ours, 'p50Ms', 2), of(ours, 'p99Ms', 2), of(ours, 'cpuUs', 1), of(ours, 'databaseCpuUs', 1)];
    return [
      stepTitles[step],
      ...own,
      of(bare, 'cpuUs', 1),
      beside(bare),
      of(oidcProvider, 'cpuUs', 1),
      beside(oidcProvider),
    ];
  });
  const head = [
    '',
    'p50 ms',
    'p99 ms',
    'server CPU µs',
    'PostgreSQL µs',
    'bare µs',
    'ours is',
    'oidc-provider µs',
    'ours is',
  ];
  return [whole, table('Its steps', [head, ...steps])];
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

export function exchangeSection(results: readonly Result[], { connections }: Pace): string {
  return section(`Token exchange (RFC 8693), ${connections} connections`, results, [
    rate('tokens/s'),
    ...latency,
    ...cpu('server CPU µs'),
  ]);
}

function besidePeers(said: string, [ours, ...peers]: readonly Result[]): string {
  const lines = peers.map((peer) => {
    const of = (name: Figure) => times(ours === undefined ? undefined : ratio(ours, peer, name));
    return `  ${of('rate')} the rate and ${of('cpuUs')} the server CPU of ${peer.name}`;
  });
  return [said, ...lines].join('\n');
}
