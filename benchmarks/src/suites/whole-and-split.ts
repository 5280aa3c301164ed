import { setTimeout as sleep } from 'node:timers/promises';
import {
  countedContender,
  httpContender,
  type Load,
  type MeteredServer,
  measured,
  permitComplaint,
  tokenComplaint,
  withCosts,
} from '../http-contender.ts';
import { performed } from '../in-process-work.ts';
import { protectedRequests, tokenRequests } from '../machine-clients.ts';
import { type Market, ordersOf, venueOrders, venueToken } from '../market.ts';
import { type Contender, figure, measureInTurn, type Result, type Round, ratio, roundOf } from '../measure.ts';
import type { OrderFlow } from '../order-flow.ts';
import { about } from '../starter.ts';
import { cpu, inMs, latency, rate, section, times, verdict } from '../table.ts';
import { decisionCallers } from './evaluations.ts';
import { activeComplaint, introspectionRequests } from './introspection.ts';
import type { SuiteOptions } from './suite.ts';

export interface Installation {
  readonly name: string;
  readonly server: MeteredServer;
  readonly market: Market;
}

export interface WholeAndSplitResults {
  readonly works: readonly WorkResult[];
  /** While nobody asks anything; an operation is a second. */
  readonly idle: readonly Result[];
}

/** The same work in every installation, in turns: the whole one first. */
export interface WorkResult {
  readonly work: string;
  /** By as many connections as the pace says. */
  readonly underLoad: readonly Result[];
  readonly alone: readonly Result[];
}

/**
 * What it costs to keep the components of each security context in a process of their own: the same requests put to the
 * control plane in one process and in four, and to that of another checkout where one is given.
 */
export async function measureWholeAndSplit(
  options: SuiteOptions & { readonly installations: readonly Installation[] },
): Promise<WholeAndSplitResults> {
  const { installations, pace } = options;
  const { rounds, httpSeconds: seconds } = pace;
  const progress = (work: string) => about(`whole and split, ${work}`, options.onProgress);
  const measured: WorkResult[] = [];
  for (const { name, contender } of works) {
    const measure = (connections: number, warmUpRequests: number, at: string): Promise<readonly Result[]> =>
      measureInTurn(
        installations.map((installation) => contender(installation, { connections, warmUpRequests })),
        { rounds, seconds },
        progress(`${name}, ${at}`),
      );
    measured.push({
      work: name,
      underLoad: await measure(pace.connections, pace.warmUpRequests, 'under load'),
      alone: await measure(1, Math.ceil(pace.warmUpRequests / 20), 'one at a time'),
    });
  }
  const idle = await measureInTurn(installations.map(idling), { rounds, seconds: seconds * 2 }, progress('idle'));
  return { works: measured, idle };
}

/** What a control plane does for itself: sweeping, asking what is new, keeping copies. */
function idling({ name, server }: Installation): Contender {
  return {
    name,
    warmUp: () => sleep(1_000),
    async round(seconds): Promise<Round> {
      const { seconds: elapsed, cpuUs, databaseCpuUs } = await withCosts(server, () => sleep(seconds * 1_000));
      return roundOf({ operations: elapsed, seconds: elapsed, cpuUs, databaseCpuUs });
    },
  };
}

const works: readonly { readonly name: string; contender(installation: Installation, load: Load): Contender }[] = [
  { name: 'tokens', contender: tokens },
  { name: 'decisions', contender: decisions },
  { name: 'transitions', contender: transitions },
  { name: 'appends', contender: appends },
];

function tokens({ name, server, market }: Installation, load: Load): Contender {
  const { traders: clients } = market;
  return httpContender({
    ...{ name, server, complaint: tokenComplaint },
    ...load,
    prepare: (count) => tokenRequests({ issuer: server.url, clients, parameters: venueToken, count }),
  });
}

/** Orders that are submitted: the step alone, by a token that is there. */
function transitions({ name, server, market }: Installation, { connections, warmUpRequests }: Load): Contender {
  let starting: Promise<OrderFlow> | undefined;
  return countedContender(name, { connections, warmUpRequests: Math.ceil(warmUpRequests / 8) }, async (count) => {
    starting ??= ordersOf(market, server.url);
    const flow = await starting;
    const orders = await flow.prepare(count);
    return measured(server, async () => {
      const { seconds, latenciesMs } = await performed(connections, orders, (order) => flow.submit(order));
      return { seconds, latenciesMs: latenciesMs ?? new Float64Array() };
    });
  });
}

/** What is done for the sake of its record: introspections, each of which puts one into the log and asks nobody else. */
function appends({ name, server, market }: Installation, load: Load): Contender {
  return httpContender({
    ...{ name, server, complaint: activeComplaint },
    ...load,
    prepare: (count) => introspectionRequests({ issuer: server.url, market, resource: venueOrders, count }),
  });
}

function decisions({ name, server, market }: Installation, load: Load): Contender {
  const issuer = server.url;
  return httpContender({
    ...{ name, server },
    ...load,
    complaint: permitComplaint,
    async prepare(count) {
      const callers = await decisionCallers({ issuer, traders: market.traders });
      return protectedRequests(`${issuer}/access/v1/evaluation`, callers, count);
    },
  });
}

/** What four processes cost beside one, with the goals beside it. */
export function wholeAndSplitSections(
  { works, idle }: WholeAndSplitResults,
  { rounds }: { readonly rounds: number },
): readonly string[] {
  const sections = works.map(({ work, underLoad, alone }) => {
    const [whole, ...others] = underLoad;
    const [wholeAlone, ...othersAlone] = alone;
    const columns = [rate('a second'), ...latency, ...cpu('CPU of all processes µs')];
    const lines = others.flatMap((other, index) => {
      const otherAlone = othersAlone[index];
      if (whole === undefined || wholeAlone === undefined || otherAlone === undefined) return [];
      const { name } = other;
      const cpuRatio = ratio(other, whole, 'cpuUs');
      const added = difference(otherAlone, wholeAlone);
      const isGoal = work === 'tokens' && name.startsWith('four');
      return [
        `  ${times(ratio(other, whole, 'rate'))} the rate of one process: ${name}`,
        isGoal
          ? verdict(`the CPU of one process: ${name}`, cpuRatio, { atMost: 1.6 }, rounds)
          : `  ${times(cpuRatio)} the CPU of one process: ${name}`,
        `  ${times(ratio(other, whole, 'databaseCpuUs'))} its CPU of PostgreSQL: ${name}`,
        isGoal
          ? verdict(`added at p50, one at a time: ${name}`, added, { atMost: 2 }, rounds, inMs(2))
          : `  ${inMs(2)(added)} added at p50, one at a time: ${name}`,
      ];
    });
    return [
      section(`One process and four: ${work}, under load`, underLoad, columns),
      section(`One process and four: ${work}, one at a time`, alone, columns),
      ...lines,
    ].join('\n');
  });
  return [
    ...sections,
    section('One process and four: a second in which nobody asks anything', idle, cpu('CPU of all processes µs')),
  ];
}

function difference(of: Result, to: Result): number | undefined {
  const [above, below] = [figure(of, 'p50Ms'), figure(to, 'p50Ms')];
  return above === undefined || below === undefined ? undefined : above - below;
}
