import type { Logger } from '../observability/index.ts';

export interface Stoppable {
  readonly name: string;
  stop(): Promise<void>;
}

/** Stops all started parts in reverse order, each with a time limit, regardless of failures. */
export interface Lifecycle {
  /**
   * Registers a started part.
   *
   * @throws the reason of the signal when the start was cancelled meanwhile; the part is registered nevertheless
   */
  started(part: Stoppable): void;
  /** Idempotent: every call returns the same promise. */
  stop(): Promise<void>;
}

const stopTimeoutMs = 10_000;

/** @param options `signal`: aborted when no further part may start */
export function createLifecycle(options: {
  readonly logger: Logger;
  readonly signal?: AbortSignal | undefined;
}): Lifecycle {
  const parts: Stoppable[] = [];
  let stopping: Promise<void> | undefined;

  async function stopAll(): Promise<void> {
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const { name } = part;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<'late'>((resolve) => {
        timer = setTimeout(() => resolve('late'), stopTimeoutMs);
      });
      try {
        if ((await Promise.race([part.stop(), late])) === 'late')
          options.logger.warn({ part: name }, 'part did not stop in time');
      } catch (error) {
        options.logger.error({ part: name, error }, 'part failed to stop');
      } finally {
        clearTimeout(timer);
      }
    }
  }
  return {
    started(part) {
      parts.push(part);
      options.signal?.throwIfAborted();
    },
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
  };
}

/**
 * Runs a program until SIGTERM or SIGINT, then exits with 0. A signal during the start cancels it and stops the parts started so
 * far. A second signal exits at once with 130.
 *
 * @param start stops when its signal is aborted, and then stops everything it has started
 * @returns the started program. After a signal during the start it never resolves: the process ends
 * @throws the errors of `start`
 */
export async function stayUntilSignalled<Started extends { stop(): Promise<void> }>(
  start: (signal: AbortSignal) => Promise<Started>,
  logger: Logger,
): Promise<Started> {
  const givenUp = new AbortController();
  const starting = start(givenUp.signal);
  const onSignal = (signal: NodeJS.Signals): void => {
    if (givenUp.signal.aborted) process.exit(130);
    logger.info({ signal }, 'stopping');
    givenUp.abort();
    starting
      .then(
        (started) => started.stop(),
        () => undefined,
      )
      .then(
        () => process.exit(0),
        (error: unknown) => {
          logger.error({ error }, 'stop failed');
          process.exit(1);
        },
      );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  try {
    return await starting;
  } catch (error) {
    if (givenUp.signal.aborted) return new Promise(() => undefined);
    throw error;
  }
}
