import type { Logger } from '../observability/index.ts';

export interface RoundsOptions<Result = void> {
  /** The name of the work, for the log. */
  readonly what: string;
  readonly work: () => Promise<Result>;
  readonly logger: Logger;
  /** Without an interval, rounds run only on demand. */
  readonly everyMs?: number | undefined;
  /** Level of the log entry for a failure; `warn` by default. */
  readonly level?: 'warn' | 'error';
}

/** Periodic work that never overlaps with itself in this process. After {@link stop} no round starts, and results are undefined. */
export interface Rounds<Result = void> {
  /** A round that starts after the call: now, or after the current one. @throws errors of the work */
  run(): Promise<Result | undefined>;
  /** The current round, or one that starts now. @throws errors of the work */
  join(): Promise<Result | undefined>;
  /** Starts a round soon without waiting for it; errors are logged. */
  hurry(): void;
  /** Starts no new round; resolves when the last one has ended. */
  stop(): Promise<void>;
}

export function createRounds<Result = void>({
  what,
  work,
  logger,
  everyMs,
  level = 'warn',
}: RoundsOptions<Result>): Rounds<Result> {
  let running: Promise<Result> | undefined;
  let next: Promise<Result | undefined> | undefined;
  let failing = false;
  let stopped = false;

  function join(): Promise<Result | undefined> {
    if (stopped) return Promise.resolve(undefined);
    running ??= work().finally(() => {
      running = undefined;
    });
    return running;
  }
  function run(): Promise<Result | undefined> {
    if (running === undefined) return join();
    next ??= running
      // The caller of the previous round has already received its error.
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return join();
      });
    return next;
  }
  function watch(round: Promise<unknown>): void {
    round.then(
      () => {
        failing = false;
      },
      (error: unknown) => {
        // Logged once, because the work is repeated.
        if (!failing) logger[level]({ error }, `${what} failed and will be repeated`);
        failing = true;
      },
    );
  }
  const timer = everyMs === undefined ? undefined : setInterval(() => watch(join()), everyMs);
  timer?.unref();
  return {
    run,
    join,
    hurry: () => watch(run()),
    async stop() {
      stopped = true;
      clearInterval(timer);
      await next?.catch(() => undefined);
      await running?.catch(() => undefined);
    },
  };
}
