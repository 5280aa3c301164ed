import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startEmbeddedPostgres } from '@countersign/embedded-postgres';
import { initProcesses, type ProcessGroup, prepareDevelopment, processGroups } from '@countersign/server';
import type { MeteredServer } from './http-contender.ts';
import { clientOf, pick } from './machine-clients.ts';
import { introduce, type Market, makeMarket, venueOrders, venueScope } from './market.ts';
import { processTreeCpuUs } from './process-tree-cpu.ts';
import { serverFailure } from './server-process.ts';
import { freePorts } from './servers/loopback.ts';
import { databaseUrlFile, urlOf } from './servers/measured-server.ts';
import type { Stoppable } from './starter.ts';

/** A control plane in four processes, with the market of the benchmark in its directory. */
interface SplitInstallation extends Stoppable {
  /** The four processes as one server, without PostgreSQL. */
  readonly server: MeteredServer;
  readonly market: Market;
}

const command = fileURLToPath(new URL('../../bin/countersign.js', import.meta.url));
const readyWithinMs = 120_000;
const stopWithinMs = 20_000;

/**
 * Starts a split installation with the commands of operators and its own PostgreSQL.
 *
 * @throws CodedError `benchmark_server` with the last output of a process
 */
export async function startSplitInstallation(options: {
  readonly folder: string;
  readonly profileFolder?: string | undefined;
  readonly onProgress: (message: string) => void;
}): Promise<SplitInstallation> {
  const onProgress = (message: string): void => options.onProgress(`split: ${message}`);
  const folder = join(options.folder, 'split');
  mkdirSync(folder, { recursive: true });
  // PostgreSQL's account must be able to enter.
  chmodSync(folder, 0o711);
  const dataFolder = join(folder, 'postgres');
  const postgres = await startEmbeddedPostgres({ dataFolder, onProgress });
  const processes = new Map<ProcessGroup, Started>();
  const stop = async (): Promise<void> => {
    await Promise.all([...processes.values()].map(stopped));
    await postgres.stop();
  };
  try {
    const urlFile = join(folder, databaseUrlFile);
    writeFileSync(urlFile, urlOf(postgres.connection), { mode: 0o600 });
    const data = join(folder, 'data');
    const { configurationFile, configuration } = prepareDevelopment({
      dataFolder: data,
      port: await freePorts(1),
      databaseUrl: `file:${urlFile}`,
    });
    const kept = JSON.parse(readFileSync(configurationFile, 'utf8')) as Readonly<Record<string, unknown>>;
    // Sign-in with keys has its own suite.
    const changed = { ...kept, logLevel: 'warn', signIn: { methods: ['development'] } };
    writeFileSync(configurationFile, JSON.stringify(changed));
    const processesFolder = join(folder, 'processes');
    const firstPort = await freePorts(2 * processGroups.length);
    await initProcesses({ configurationFile, folder: processesFolder, firstPort });
    onProgress('bringing the database to this release');
    await finished(spawned(['migrate', '--config', configurationFile]));
    for (const group of ['evidence', 'core', 'egress', 'certificate-authority', 'secrets', 'edge'] as const) {
      const { profileFolder } = options;
      const profiled =
        profileFolder === undefined
          ? []
          : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`, `--cpu-prof-name=${group}.cpuprofile`];
      const file = join(processesFolder, group, 'config.json');
      processes.set(group, spawned(['start', '--config', file], profiled));
    }
    const { issuer } = configuration;
    onProgress('waiting until all processes are ready');
    await untilReady(`${issuer}/readyz`, [...processes.values()]);
    const market = makeMarket();
    await introduce(market, { issuer, dataFolder: data });
    await untilKnown(market, issuer);
    const postmaster = Number(
      readFileSync(join(postgres.dataFolder, 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0],
    );
    return {
      server: {
        url: issuer,
        cpuUs: async () =>
          [...processes.values()].reduce((sum, { child }) => sum + (processTreeCpuUs(child.pid ?? 0) ?? Number.NaN), 0),
        databaseCpuUs: () => processTreeCpuUs(postmaster),
      },
      market,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Started {
  readonly child: ChildProcess;
  readonly exited: Promise<unknown>;
  readonly said: readonly string[];
}

function spawned(args: readonly string[], nodeArguments: readonly string[] = []): Started {
  const child = spawn(process.execPath, [...nodeArguments, command, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_ENV: 'production' },
    // Ctrl-C must reach only the benchmark, which then stops the processes.
    detached: true,
  });
  const said: string[] = [];
  for (const output of [child.stdout, child.stderr])
    output?.on('data', (chunk: Buffer) => {
      said.push(chunk.toString('utf8'));
      if (said.length > 50) said.shift();
    });
  return { child, exited: once(child, 'exit'), said };
}

async function finished({ child, exited, said }: Started): Promise<void> {
  await exited;
  if (child.exitCode !== 0) throw serverFailure(`A command ended with ${child.exitCode}`, said);
}

function hasEnded({ child }: Started): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function stopped(started: Started): Promise<void> {
  if (hasEnded(started)) return;
  started.child.kill('SIGTERM');
  const timer = setTimeout(() => started.child.kill('SIGKILL'), stopWithinMs);
  await started.exited;
  clearTimeout(timer);
}

async function untilReady(url: string, processes: readonly Started[]): Promise<void> {
  const deadline = performance.now() + readyWithinMs;
  const isReady = async (): Promise<boolean> => {
    try {
      return (await fetch(url)).status === 200;
    } catch {
      return false;
    }
  };
  while (!(await isReady())) {
    const ended = processes.find(hasEnded);
    if (ended !== undefined) throw serverFailure(`A process ended with ${ended.child.exitCode}`, ended.said);
    if (performance.now() >= deadline)
      throw serverFailure(
        `Not all processes were ready within ${readyWithinMs / 1000} s`,
        processes.flatMap(({ said }) => said),
      );
    await sleep(200);
  }
}

/** The edge process follows the directory of another process, and knows the market shortly after. */
async function untilKnown({ traders }: Market, issuer: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;)
    try {
      await clientOf(pick(traders, 0), issuer).clientCredentials({ resource: venueOrders, scope: venueScope });
      return;
    } catch (error) {
      if (performance.now() >= deadline) throw error;
      await sleep(100);
    }
}
