import type { Logger } from '@countersign/runtime';
import type { GroupConfiguration } from '../configuration/index.ts';
import type { ProcessGroup } from '../process-groups/index.ts';
import { type RunningProcess, startProcess } from './start-process.ts';

/** Groups that run in one process of the operating system. */
export interface RunningTogether extends Pick<RunningProcess, 'notes' | 'drain' | 'stop'> {
  readonly groups: readonly RunningProcess[];
}

/** Whoever records goes last. */
const stoppingOrder: readonly ProcessGroup[] = ['edge', 'egress', 'core', 'evidence'];

/**
 * Starts a process of each group in this one: each as it would run by itself, with its own certificate, keys and listener. Between them,
 * too, a call goes over mutual TLS and by the table of callers; their memory is shared.
 *
 * @throws CodedError the first that one of them failed with; the others have been stopped by then
 */
export async function startTogether(
  configurations: readonly GroupConfiguration[],
  options: {
    readonly loggerOf: (group: ProcessGroup) => Logger;
    readonly onProgress: (message: string) => void;
    /** Aborted, the start is given up. */
    readonly signal: AbortSignal;
  },
): Promise<RunningTogether> {
  const { loggerOf, onProgress } = options;
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  let failure: { readonly error: unknown } | undefined;
  const running: RunningProcess[] = [];
  // Those that need another wait for it, so they are started at once.
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

/** What is given up by running groups in one process, for people. */
function sharedKeys(groups: readonly RunningProcess[]): readonly string[] {
  if (groups.length < 2) return [];
  const names = groups.map(({ group }) => group);
  const calls = names.includes('egress') ? ', and may connect to any address' : '';
  return [`This process holds the keys and database roles of ${names.join(', ')} together${calls}.`];
}
