import type { Logger } from '@countersign/runtime';
import type { GroupConfiguration } from '../configuration/index.ts';
import type { ProcessGroup } from '../process-groups/index.ts';
import { type RunningProcess, startProcess } from './start-process.ts';

/** Groups that run in one operating system process. */
export interface RunningTogether extends Pick<RunningProcess, 'notes' | 'drain' | 'stop'> {
  readonly groups: readonly RunningProcess[];
}

/** Processes that write records stop last. */
const stoppingOrder: readonly ProcessGroup[] = [
  'edge',
  'secrets',
  'certificate-authority',
  'egress',
  'core',
  'evidence',
];

/**
 * Starts a process of each group inside this one, each with its own certificate, keys and listener. Calls between them still
 * use mutual TLS and the table of permitted callers, but they share memory.
 *
 * @throws CodedError the first error of any group; the others have been stopped by then
 */
export async function startTogether(
  configurations: readonly GroupConfiguration[],
  options: {
    readonly loggerOf: (group: ProcessGroup) => Logger;
    readonly onProgress: (message: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<RunningTogether> {
  const { loggerOf, onProgress } = options;
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  let failure: { readonly error: unknown } | undefined;
  const running: RunningProcess[] = [];
  // All groups start at once, because each waits for the groups that it needs.
  await Promise.all(
    configurations.map(async (configuration) => {
      try {
        const logger = loggerOf(configuration.process.group);
        running.push(await startProcess(configuration, { logger, onProgress, signal }));
      } catch (error) {
        failure ??= { error };
        failed.abort();
      }
    }),
  );
  const groups = stoppingOrder.flatMap((group) => running.filter((started) => started.group === group));
  const stop = async (): Promise<void> => {
    for (const started of groups) await started.stop();
  };
  if (failure !== undefined) {
    await stop();
    throw failure.error;
  }
  return {
    groups,
    notes: [...new Set(groups.flatMap(({ notes }) => notes)), ...sharedKeys(groups)],
    drain() {
      for (const started of groups) started.drain();
    },
    stop,
  };
}

/** Warnings about the isolation that is lost by running groups in one process. */
function sharedKeys(groups: readonly RunningProcess[]): readonly string[] {
  if (groups.length < 2) return [];
  const names = groups.map(({ group }) => group);
  const calls = names.includes('egress') ? ', and may connect to any address' : '';
  return [`This process holds the keys and database roles of ${names.join(', ')} together${calls}.`];
}
