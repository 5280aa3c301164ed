import type { CodedError } from '@countersign/kernel';
import type { Logger } from '../observability/index.ts';
import { createRounds } from './rounds.ts';

export interface ReadModelOptions {
  /** What is read, for the log. */
  readonly what: string;
  readonly read: () => Promise<void>;
  /** Creates the error for a copy that is too old. */
  readonly tooOld: () => CodedError;
  readonly logger: Logger;
  /** 500 by default. */
  readonly everyMs?: number | undefined;
  /** Maximum age; 5,000 by default. */
  readonly maxAgeMs?: number | undefined;
}

/** Keeps a copy of another process's data up to date, and refuses to use it once it is too old. */
export interface ReadModel {
  /** Resolves when everything that existed at the time of the call has been read. @throws errors of the reading */
  refresh(): Promise<void>;
  /** Marks the copy as too old until it has been read again. */
  expire(): void;
  /** @throws CodedError of {@link ReadModelOptions.tooOld} */
  requireFresh(): void;
  stop(): Promise<void>;
}

/** Resolves after the first reading. @throws errors of the reading */
export async function startReadModel(options: ReadModelOptions): Promise<ReadModel> {
  const { what, read, tooOld, logger, everyMs = 500, maxAgeMs = 5_000 } = options;
  /** Start of the last successful reading, by `performance.now()`: setting the clock back does not make it appear newer. */
  let readAt = Number.NEGATIVE_INFINITY;
  let expiredAt = Number.NEGATIVE_INFINITY;

  async function work(): Promise<void> {
    const began = performance.now();
    await read();
    readAt = began;
  }
  const rounds = createRounds({ what, logger, work, everyMs });
  try {
    await rounds.run();
  } catch (error) {
    await rounds.stop();
    throw error;
  }
  return {
    refresh: () => rounds.run(),
    expire() {
      expiredAt = performance.now();
    },
    requireFresh() {
      if (readAt <= expiredAt || performance.now() - readAt > maxAgeMs) throw tooOld();
    },
    stop: () => rounds.stop(),
  };
}
