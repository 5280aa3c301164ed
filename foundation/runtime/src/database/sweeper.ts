import { createRounds } from '../lifecycle/index.ts';
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
  async function work(): Promise<number> {
    for (let removed = 0; ; ) {
      const slice = await removeSlice(sliceSize);
      removed += slice;
      if (slice < sliceSize) return removed;
    }
  }
  const { join, stop } = createRounds({ what: `removal of expired ${what}`, work, logger, everyMs });
  return { sweep: async () => (await join()) ?? 0, stop };
}
