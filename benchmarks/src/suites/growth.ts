import { setTimeout as sleep } from 'node:timers/promises';
import { codeFlowSteps } from '../code-flow.ts';
import type { TableReading } from '../growth/database-store.ts';
import { type GrownSite, startGrownSite } from '../growth/grown-site.ts';
import { operations } from '../growth/operations.ts';
import { measureInTurn, type Result } from '../measure.ts';
import type { Pace } from '../pace.ts';
import type { Starter } from '../starter.ts';
import { codeFlowContender } from './authorization-code.ts';

export interface GrowthResults {
  /** Rows that each table had got, smallest first; results and readings are in this order. */
  readonly sizes: readonly number[];
  readonly operations: readonly { readonly name: string; readonly results: readonly Result[] }[];
  /** What the same work read of each table. */
  readonly readings: readonly { readonly table: string; readonly atSize: readonly TableReading[] }[];
}

/**
 * What each operation costs when every table on its way holds a thousand rows, and when it holds a million. Each size
 * is a control plane with a database of its own, so that the sizes can take turns and share whatever else the machine
 * does; and they do the same work, so that what they read can be compared row by row.
 */
export async function measureGrowth(options: {
  readonly folder: string;
  readonly pace: Pace;
  readonly onProgress: (message: string) => void;
  /** Sees to it that what is started gets stopped. */
  readonly started: Starter;
}): Promise<GrowthResults> {
  const { pace, folder } = options;
  const { sizes, rounds, operationsARound, readingsAfterMs } = pace.growth;
  const onProgress = (message: string): void => options.onProgress(`growth: ${message}`);
  const sites: GrownSite[] = [];
  for (const rows of sizes) sites.push(await startGrownSite({ rows, folder, onProgress, started: options.started }));
  for (const { database } of sites) await database.resetReadings();
  const turns = { rounds, seconds: 0 };
  const found: { name: string; results: readonly Result[] }[] = [];
  for (const { name, contender } of operations) {
    const contenders = sites.map((site) => contender(site, operationsARound));
    found.push({ name, results: await measureInTurn(contenders, turns, (said) => onProgress(`${name}: ${said}`)) });
  }
  found.push(...(await measureFlow(sites, pace, onProgress)));
  // A session of PostgreSQL tells what it has read when it has been idle for ten seconds, at the latest.
  onProgress('waiting for what was read to be told');
  await sleep(readingsAfterMs);
  return { sizes, operations: found, readings: await readingsOf(sites) };
}

const stepNames = {
  push: 'pushed authorization request',
  authorize: 'authorization page',
  consent: 'consent',
  redeem: 'code redemption',
} as const;

async function measureFlow(sites: readonly GrownSite[], pace: Pace, onProgress: (message: string) => void) {
  const { rounds, operationsARound } = pace.growth;
  const contenders = sites.map(({ asked, people }) => {
    const contender = codeFlowContender(asked, people, { connections: 16, warmUpRequests: operationsARound * 8 });
    return { ...contender, round: () => contender.flows(operationsARound) };
  });
  const results = await measureInTurn(contenders, { rounds, seconds: 0 }, (said) => onProgress(`code flow: ${said}`));
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
