import type { Logger } from '../observability/index.ts';

export interface RoundsOptions {
  /** What is done, for the log. */
  readonly what: string;
  readonly work: () => Promise<void>;
  readonly logger: Logger;
  readonly everyMs: number;
}

/** Periodic work that never overlaps with itself in this process. */
export interface Rounds {
  /** Does the work that is due now. A call during a round waits for the next one. @throws errors of the work */
  run(): Promise<void>;
  /** Starts a round soon without waiting for it; errors are logged. */
  hurry(): void;
  /** Starts no new round; resolves when the last one has ended. */
  stop(): Promise<void>;
}

export function createRounds({ what, work, logger, everyMs }: RoundsOptions): Rounds {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let failing = false;
  let stopped = false;

  function run(): Promise<void> {
    if (stopped) return Promise.resolve();
    if (running === undefined) {
      running = work().finally(() => {
        running = undefined;
      });
      return running;
    }
    next ??= running
      // The caller of the previous round has already received its error.
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return run();
      });
    return next;
  }
  function hurry(): void {
    run().then(
      () => {
        failing = false;
      },
      (error: unknown) => {
        // Logged once, because it is retried every few seconds.
        if (!failing) logger.warn({ error }, `${what} could not be carried on`);
        failing = true;
      },
    );
  }
  const timer = setInterval(hurry, everyMs);
  timer.unref();
  return {
    run,
    hurry,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await next?.catch(() => undefined);
      await running?.catch(() => undefined);
    },
  };
}
