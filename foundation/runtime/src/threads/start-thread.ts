import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts a thread that has nothing of what the process was started with: not its options, and not its environment, where
 * secrets may be.
 *
 * @param file by `workerFile`
 * @param options `env` only where the thread needs some of it
 */
export function startThread(
  file: URL,
  options: Pick<WorkerOptions, 'env' | 'resourceLimits' | 'transferList' | 'workerData'> & { readonly name: string },
): Worker {
  return new Worker(file, { env: {}, ...options, execArgv: [] });
}
