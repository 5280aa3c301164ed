import type { Logger } from '../observability/index.ts';

export interface RoundsOptions {
  /** For the log: what could not be done. */
  readonly what: string;
  readonly work: () => Promise<void>;
  readonly logger: Logger;
  readonly everyMs: number;
}

/** Work that is done again and again, never twice at once in this process. */
export interface Rounds {
  /** Does what is due now; whoever asks while a round is under way is answered by the next. @throws what the work throws */
  run(): Promise<void>;
  /** Begins a round soon and waits for nothing; what fails is logged. */
  hurry(): void;
  /** No new round; resolves when the last has ended. */
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
      // What the round before failed of was told to who asked for it.
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
        // Said once: it is tried every few seconds.
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
