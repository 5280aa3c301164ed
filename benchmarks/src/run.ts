import { cpus, loadavg } from 'node:os';
import { startControlPlaneProcess } from './control-plane.ts';
import { startInProcess } from './in-process.ts';
import type { Result } from './measure.ts';
import type { Pace } from './pace.ts';
import { type AppendResults, measureAppends } from './suites/appends.ts';
import { measureDecisions } from './suites/decisions.ts';
import { measureEvaluations } from './suites/evaluations.ts';
import { measureTokenExchange } from './suites/token-exchange.ts';
import { measureTokenIssuing } from './suites/token-issuing.ts';
import { makeWorkingFolder } from './working-folder.ts';

export const suiteNames = ['tokens', 'exchange', 'decisions', 'appends'] as const;
export type SuiteName = (typeof suiteNames)[number];

/** Everything a run found out. Each result holds every round, so that other figures can be computed from it. */
export interface BenchmarkReport {
  /** RFC 3339. */
  readonly at: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly platform: string;
    readonly node: string;
    /** One-minute load average before the run: what else the machine was doing. */
    readonly loadBefore: number;
  };
  readonly pace: Pace;
  readonly warnings: readonly string[];
  readonly suites: {
    readonly tokens?: readonly Result[];
    readonly exchange?: readonly Result[];
    readonly decisions?: { readonly http: readonly Result[]; readonly inProcess: readonly Result[] };
    readonly appends?: readonly AppendResults[];
  };
}

export interface BenchmarkOptions {
  readonly only: readonly SuiteName[];
  readonly pace: Pace;
  /** Where CPU profiles of the control plane go, in V8's format. */
  readonly profileFolder?: string | undefined;
  readonly onProgress: (message: string) => void;
  /** Called with what ends the run early and cleans up; for signals. */
  readonly onStarted?: (abort: () => Promise<void>) => void;
}

interface Stoppable {
  stop(): Promise<void>;
}

/**
 * Runs suites against real servers, PostgreSQL included. Starts and stops all it needs, and removes its data.
 *
 * @throws CodedError `benchmark_*` at the first request that does not succeed
 */
export async function runBenchmarks(options: BenchmarkOptions): Promise<BenchmarkReport> {
  const { only, pace, onProgress } = options;
  const at = new Date().toISOString();
  const machine = describeMachine();
  const folder = makeWorkingFolder();
  const running: Stoppable[] = [];
  const stopAll = async (): Promise<void> => {
    for (let part = running.pop(); part !== undefined; part = running.pop()) await part.stop();
  };
  options.onStarted?.(() => stopAll().finally(() => folder.remove()));
  const wants = (...names: readonly SuiteName[]): boolean => names.some((name) => only.includes(name));
  try {
    const suites: { -readonly [Name in keyof BenchmarkReport['suites']]: BenchmarkReport['suites'][Name] } = {};
    let evaluations: readonly Result[] = [];
    if (wants('tokens', 'exchange', 'decisions')) {
      onProgress('starting the control plane');
      const starting = startControlPlaneProcess({
        folder: folder.path,
        profileFolder: options.profileFolder,
        onProgress,
      });
      running.push(onceStarted(starting.then(({ server }) => server)));
      const controlPlane = await starting;
      const http = { controlPlane, pace, onProgress };
      if (wants('tokens')) suites.tokens = await measureTokenIssuing(http);
      if (wants('exchange')) suites.exchange = await measureTokenExchange(http);
      if (wants('decisions')) evaluations = await measureEvaluations(http);
      await stopAll();
    }
    if (wants('decisions', 'appends')) {
      onProgress('starting PostgreSQL for what is measured in process');
      const starting = startInProcess({ folder: folder.path, onProgress });
      running.push(onceStarted(starting));
      const inProcess = await starting;
      if (wants('decisions'))
        suites.decisions = { http: evaluations, inProcess: await measureDecisions({ inProcess, pace, onProgress }) };
      if (wants('appends')) suites.appends = await measureAppends({ inProcess, pace, onProgress });
      await stopAll();
    }
    return { at, machine, pace, warnings: warningsOf(folder.onDisk, pace), suites };
  } finally {
    await stopAll();
    folder.remove();
  }
}

/** What is just starting has to be waited for before it can be stopped; what failed to start has stopped by itself. */
function onceStarted(starting: Promise<Stoppable>): Stoppable {
  return { stop: async () => (await starting.catch(() => undefined))?.stop() };
}

function warningsOf(onDisk: boolean, pace: Pace): readonly string[] {
  return [
    ...(onDisk ? [] : ['the databases lay in memory, where a commit waits for no disk: durable figures are too good']),
    ...(pace.rounds > 1 ? [] : ['a quick run shows that everything works, not how fast']),
  ];
}

function describeMachine(): BenchmarkReport['machine'] {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown processor',
    cores: processors.length,
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    loadBefore: loadavg()[0] ?? 0,
  };
}
