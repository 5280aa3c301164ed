import type { Logger } from '../observability/index.ts';

export interface SweeperOptions {
  /** What is removed, for the log. */
  readonly what: string;
  readonly logger: Logger;
  /** Removes at most `limit` rows. @returns how many */
  readonly removeSlice: (limit: number) => Promise<number>;
  /** Default 15 s. */
  readonly everyMs?: number;
}

const sliceSize = 5_000;

/** Periodically removes expired rows in slices, because a long delete would hold back the vacuum. */
export function createSweeper({ what, logger, removeSlice, everyMs = 15_000 }: SweeperOptions): {
  sweep(): Promise<number>;
  stop(): Promise<void>;
} {
  let running: Promise<number> | undefined;
  async function run(): Promise<number> {
    let removed = 0;
    for (;;) {
      const slice = await removeSlice(sliceSize);
      removed += slice;
      if (slice < sliceSize) return removed;
    }
  }
  function sweep(): Promise<number> {
    running ??= run().finally(() => {
      running = undefined;
    });
    return running;
  }
  const timer = setInterval(() => {
    sweep().catch((error: unknown) => logger.warn({ error }, `expired ${what} could not be removed`));
  }, everyMs);
  timer.unref();
  return {
    sweep,
    async stop() {
      clearInterval(timer);
      await running?.catch(() => undefined);
    },
  };
}
