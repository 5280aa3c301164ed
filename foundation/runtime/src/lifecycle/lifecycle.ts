import type { Logger } from '../observability/index.ts';

/** Something started that must be stopped. */
export interface Stoppable {
  readonly name: string;
  stop(): Promise<void>;
}

/** Stops what was started, last first, each within a bound, whatever fails on the way. */
export interface Lifecycle {
  /**
   * Registers what has just started.
   *
   * @throws the reason of the signal, where the start was given up meanwhile; the part is registered all the same
   */
  started(part: Stoppable): void;
  /** Idempotent: every call gets the same end. */
  stop(): Promise<void>;
}

/** @param options `signal`: aborted when nothing more is to be started */
export function createLifecycle(options: {
  readonly logger: Logger;
  readonly stopTimeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}): Lifecycle {
  const parts: Stoppable[] = [];
  let stopping: Promise<void> | undefined;
  const bound = options.stopTimeoutMs ?? 10_000;

  async function stopAll(): Promise<void> {
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const { name } = part;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<'late'>((resolve) => {
        timer = setTimeout(() => resolve('late'), bound);
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
 * Starts something that stays until SIGTERM or SIGINT, and exits with 0 then. A signal that comes before everything is
 * there ends the start: what had been started by then is stopped. A second signal exits at once with 130: a person who asks
 * twice means it.
 *
 * @param start gives up when its signal is aborted, and stops what it has started
 * @returns what was started. After a signal it does not come back: the process ends
 * @throws what `start` throws of itself
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
