import {
  type CodeFlowServer,
  type CodeFlowStep,
  codeFlowSteps,
  prepareFlows,
  type SignedIn,
  signIn,
  stepsOf,
} from '../code-flow.ts';
import { measured } from '../http-contender.ts';
import { performAll } from '../http-load.ts';
import {
  type Contender,
  type Counted,
  type Figure,
  figure,
  mapMembers,
  oneAfterTheOther,
  partOf,
  type Result,
  type Round,
  ratio,
  roundOf,
  together,
} from '../measure.ts';
import type { Pace } from '../pace.ts';
import type { ServerProcess } from '../server-process.ts';
import { cpu, latency, number, rate, section, table, times } from '../table.ts';
import { besidePeers, codeFlowServers, measureOverHttp, type PeerSuite } from './suite.ts';

export type CodeFlowPart = CodeFlowStep | 'total';

/** The whole flow and its steps, with the contenders in the same order. */
export type CodeFlowResults = Readonly<Record<CodeFlowPart, readonly Result[]>>;

export type CodeFlowTurn = Readonly<Record<CodeFlowPart, Round>>;

/**
 * The authorization code flow over real connections with real cookies: the client pushes its request, a signed-in person
 * opens and allows it, the client redeems the code. All people take a step before any takes the next, so that each step
 * has its own cost.
 */
export async function measureAuthorizationCode(suite: PeerSuite): Promise<CodeFlowResults> {
  const { pace, onProgress } = suite;
  const contenders: Contender<CodeFlowTurn>[] = [];
  for (const asked of codeFlowServers(suite)) {
    onProgress(`authorization-code: ${asked.name}: people sign in`);
    contenders.push(codeFlowContender(asked, await signIn(asked, suite.controlPlane.market.people), pace));
  }
  const results = await measureOverHttp('authorization-code', contenders, suite);
  return recordOf((part) => partOf(results, (turn) => turn[part]));
}

export interface CodeFlowContender extends Contender<CodeFlowTurn> {
  /** Completes at least this many flows, one per person at a time. */
  flows(count: number): Promise<CodeFlowTurn>;
}

/** Runs the flow step by step, with one flow per person at a time. */
export function codeFlowContender(
  asked: CodeFlowServer & { readonly server: ServerProcess },
  people: readonly SignedIn[],
  pace: Pick<Pace, 'connections' | 'warmUpRequests'>,
): CodeFlowContender {
  let rate = 0;
  async function run(flows: number): Promise<CodeFlowTurn> {
    const batches: Readonly<Record<CodeFlowPart, Counted>>[] = [];
    for (let done = 0; done < flows; done += people.length)
      batches.push(await countBatch(asked, people, pace.connections));
    const turn = recordOf((part) => roundOf(together(batches.map((batch) => batch[part]))));
    rate = turn.total.rate;
    return turn;
  }
  return {
    name: asked.name,
    warmUp: () => run(pace.warmUpRequests / 16),
    round: (seconds) => run(rate * seconds),
    flows: run,
  };
}

async function countBatch(
  asked: CodeFlowServer & { readonly server: ServerProcess },
  people: readonly SignedIn[],
  connections: number,
): Promise<Readonly<Record<CodeFlowPart, Counted>>> {
  const { name, server } = asked;
  const steps = stepsOf(asked);
  const items = prepareFlows(asked, people);
  const take = (step: CodeFlowStep): Promise<Counted> =>
    measured(server, () => performAll({ name, url: server.url, connections, items, perform: steps[step] }));
  const push = await take('push');
  const authorize = await take('authorize');
  const consent = await take('consent');
  const redeem = await take('redeem');
  return { push, authorize, consent, redeem, total: oneAfterTheOther([push, authorize, consent, redeem]) };
}

function recordOf<Value>(ofPart: (part: CodeFlowPart) => Value): Readonly<Record<CodeFlowPart, Value>> {
  return mapMembers({ ...stepTitles, total: '' }, (_title, part) => ofPart(part));
}

const stepTitles = {
  push: 'the client pushes its request',
  authorize: 'a signed-in person opens it',
  consent: 'and allows',
  redeem: 'the client redeems the code: access, ID and refresh token',
} as const;

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
    return [stepTitles[step], ...own, ...[bare, oidcProvider].flatMap((peer) => [of(peer, 'cpuUs', 1), beside(peer)])];
  });
  const own = ['', 'p50 ms', 'p99 ms', 'server CPU µs', 'PostgreSQL µs'];
  const head = [...own, 'bare µs', 'ours is', 'oidc-provider µs', 'ours is'];
  return [whole, table('Its steps', [head, ...steps])];
}
