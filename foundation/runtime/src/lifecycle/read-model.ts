import type { CodedError } from '@countersign/kernel';
import type { Logger } from '../observability/index.ts';
import { createRounds } from './rounds.ts';

export interface ReadModelOptions {
  /** For the log: what could not be read. */
  readonly what: string;
  /** Reads what is new. */
  readonly read: () => Promise<void>;
  /** What is thrown once it is too old. */
  readonly tooOld: () => CodedError;
  readonly logger: Logger;
  /** 500 by default. */
  readonly everyMs?: number | undefined;
  /** How old it may be; 5,000 by default. */
  readonly maxAgeMs?: number | undefined;
}

/** Keeps a copy of another process's data fresh, and refuses to be asked once it is too old. */
export interface ReadModel {
  /** Everything that was there when this was called has been read when it resolves. @throws what reading throws */
  refresh(): Promise<void>;
  /** It is too old from now on, until it was read again. */
  expire(): void;
  /** @throws CodedError of {@link ReadModelOptions.tooOld} */
  requireFresh(): void;
  stop(): Promise<void>;
}

/** Reads once before it answers. @throws what reading throws */
export async function startReadModel(options: ReadModelOptions): Promise<ReadModel> {
  const { what, read, tooOld, logger, everyMs = 500, maxAgeMs = 5_000 } = options;
  /** When the last reading that succeeded began, by `performance.now()`: a clock that is set back does not make it younger. */
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
