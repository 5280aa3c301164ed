import { setTimeout as sleep } from 'node:timers/promises';
import { codeFlowSteps, refreshRequests } from '../code-flow.ts';
import type { TableReading } from '../growth/database-store.ts';
import { type GrownSite, startGrownSite } from '../growth/grown-site.ts';
import type { Answer } from '../http-connection.ts';
import { measured, readJson, tokenComplaint } from '../http-contender.ts';
import { performAll, sendAll } from '../http-load.ts';
import { formRequests, tokenRequests } from '../machine-clients.ts';
import { venueOrders, venueReports, venueToken } from '../market.ts';
import { allCpu, type Contender, type Figure, figure, measureInTurn, type Result, ratio, roundOf } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { about, type Progress, type Run } from '../starter.ts';
import { number, table, times } from '../table.ts';
import { codeFlowContender } from './authorization-code.ts';
import { activeComplaint, introspectionRequests } from './introspection.ts';
import type { SuiteOptions } from './suite.ts';

export interface GrowthResults {
  /** Rows that each table had got, smallest first; results and readings are in this order. */
  readonly sizes: readonly number[];
  readonly operations: readonly { readonly name: string; readonly results: readonly Result[] }[];
  readonly readings: readonly { readonly table: string; readonly atSize: readonly TableReading[] }[];
}

/**
 * The cost of each operation with a thousand and with a million rows in every table it uses. Each size is a control plane
 * with its own database. They take turns, so that other load affects all of them, and do the same work, so that the rows
 * they read can be compared.
 */
export async function measureGrowth(run: SuiteOptions & Run): Promise<GrowthResults> {
  const { pace } = run;
  const { sizes, rounds, operationsARound, readingsAfterMs } = pace.growth;
  const onProgress = about('growth', run.onProgress);
  const sites: GrownSite[] = [];
  for (const rows of sizes) sites.push(await startGrownSite(rows, { ...run, onProgress }));
  for (const { database } of sites) await database.resetReadings();
  const turns = { rounds, seconds: 0 };
  const found: { name: string; results: readonly Result[] }[] = [];
  for (const { name, contender } of operations) {
    const contenders = sites.map((site) => contender(site, operationsARound));
    found.push({ name, results: await measureInTurn(contenders, turns, about(name, onProgress)) });
  }
  found.push(...(await measureFlow(sites, pace, onProgress)));
  // A PostgreSQL session publishes its statistics after ten idle seconds at the latest.
  onProgress('waiting for the statistics of PostgreSQL');
  await sleep(readingsAfterMs);
  return { sizes, operations: found, readings: await readingsOf(sites) };
}

const stepNames = {
  push: 'pushed authorization request',
  authorize: 'authorization page',
  consent: 'consent',
  redeem: 'code redemption',
} as const;

async function measureFlow(sites: readonly GrownSite[], pace: Pace, onProgress: Progress) {
  const { rounds, operationsARound } = pace.growth;
  const contenders = sites.map(({ asked, people }) => {
    const contender = codeFlowContender(asked, people, { connections: 16, warmUpRequests: operationsARound * 8 });
    return { ...contender, round: () => contender.flows(operationsARound) };
  });
  const results = await measureInTurn(contenders, { rounds, seconds: 0 }, about('code flow', onProgress));
  return codeFlowSteps.map((step) => ({
    name: stepNames[step],
    results: results.map(({ name, rounds: turns }) => ({ name, rounds: turns.map((turn) => turn[step]) })),
  }));
}

async function readingsOf(sites: readonly GrownSite[]): Promise<GrowthResults['readings']> {
  const bySite = await Promise.all(sites.map(({ database }) => database.readings()));
  return (bySite[0] ?? []).map(({ table }) => ({
    table,
    atSize: bySite.flatMap((readings) => readings.filter((reading) => reading.table === table)),
  }));
}

const connections = 16;

/** A request that is measured at every size, with its own row in the table. */
export interface Operation {
  readonly name: string;
  /** @param count of requests in a round, the same at every size */
  contender(site: GrownSite, count: number): Contender;
}

type Prepare = (site: GrownSite, count: number) => readonly Buffer[] | Promise<readonly Buffer[]>;

export const operations: readonly Operation[] = [
  operation('token, client_credentials', tokenComplaint, freshTokens),
  operation('token, refreshed', tokenComplaint, ({ controlPlane, consents }, count) =>
    refreshRequests(controlPlane.issuer, consents, count),
  ),
  operation('introspection, JWT', activeComplaint, (site, count) => introspections(site, venueOrders, count)),
  operation('introspection, reference', activeComplaint, (site, count) => introspections(site, venueReports, count)),
  operation('revocation, access token', revokedComplaint, revocations),
];

function operation(name: string, complaint: (answer: Answer) => string | undefined, prepare: Prepare): Operation {
  return {
    name,
    contender(site, count) {
      const { server } = site;
      const send = async (part: number) => {
        const requests = await prepare(site, part);
        const load = { name, url: server.url, requests, connections, complaint };
        return roundOf(await measured(server, () => sendAll(load)));
      };
      return { name: site.asked.name, warmUp: () => send(Math.ceil(count / 2)), round: () => send(count) };
    },
  };
}

function freshTokens({ controlPlane: { issuer, market } }: GrownSite, count: number): readonly Buffer[] {
  return tokenRequests({ issuer, clients: market.traders, parameters: venueToken, count });
}

function introspections({ controlPlane: { issuer, market } }: GrownSite, resource: string, count: number) {
  return introspectionRequests({ issuer, market, resource, count });
}

/** Each request revokes another token, which is issued beforehand. */
async function revocations(site: GrownSite, count: number): Promise<readonly Buffer[]> {
  const { issuer, market } = site.controlPlane;
  const tokens: string[] = [];
  await performAll({
    ...{ name: 'tokens to revoke', url: site.server.url, connections },
    items: freshTokens(site, count).map((request, index) => ({ request, index })),
    async perform({ request, index }, connection) {
      const token = readJson((await connection.ask(request)).body)['access_token'];
      if (typeof token !== 'string') throw new Error('no token to revoke');
      tokens[index] = token;
    },
  });
  // In the same order, because each client revokes its own tokens.
  return formRequests({
    ...{ issuer, path: '/revoke', proof: false, clients: market.traders, count },
    parameters: (_client, index) => ({ token: tokens[index] ?? '' }),
  });
}

function revokedComplaint({ status }: Answer): string | undefined {
  return status === 200 ? undefined : 'which ends nothing';
}

/** What it costs when every table has grown, and how much of each table the same work reads. */
export function growthSections({ sizes, operations, readings }: GrowthResults): readonly string[] {
  const rounds = operations[0]?.results[0]?.rounds.length ?? 0;
  const columns = sizes.map((size) => size.toLocaleString('en-US'));
  const head = (title: string) => [title, ...columns, ...columns.slice(1).map((column) => `${column} is`)];
  const costs = (title: string, digits: number, of: (result: Result) => Result, name: Figure) =>
    table(title, [
      head('rows in every table'),
      ...operations.map(({ name: operation, results }) => {
        const [smallest, ...others] = results.map(of);
        const figures = results.map(of).map((result) => number(figure(result, name), digits));
        const ratios = others.map((result) =>
          times(smallest === undefined ? undefined : ratio(result, smallest, name)),
        );
        return [operation, ...figures, ...ratios];
      }),
    ]);
  const read = (title: string, of: (reading: GrowthResults['readings'][number]['atSize'][number]) => number) =>
    table(title, [
      ['', ...columns],
      ...readings.map(({ table: name, atSize }) => [name, ...atSize.map((reading) => number(of(reading), 0))]),
    ]);
  return [
    costs(
      `Growth: CPU of server and PostgreSQL together, µs an operation, 16 connections, medians of ${rounds}`,
      0,
      allCpu,
      'cpuUs',
    ),
    costs('Growth: latency, p50 ms', 2, (result) => result, 'p50Ms'),
    costs('Growth: write-ahead log of PostgreSQL, bytes an operation', 0, (result) => result, 'walBytes'),
    read('Growth: rows and index entries read by the same work', ({ rowsRead }) => rowsRead),
    read('Growth: scans of whole tables by the same work', ({ sequentialScans }) => sequentialScans),
  ];
}
