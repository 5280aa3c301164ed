import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts a worker thread without the options and the environment of the process, which may contain secrets.
 *
 * @param file from `workerFile`
 * @param options `env` only if the thread needs some of it
 */
export function startThread(
  file: URL,
  options: Pick<WorkerOptions, 'env' | 'resourceLimits' | 'transferList' | 'workerData'> & { readonly name: string },
): Worker {
  return new Worker(file, { env: {}, ...options, execArgv: [] });
}
