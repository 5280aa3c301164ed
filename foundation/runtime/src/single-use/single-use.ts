import { hash } from 'node:crypto';
import { type Clock, type CodedError, errorVocabulary } from '@countersign/kernel';
import type pg from 'pg';
import { createGroupCommit, createSweeper } from '../database/index.ts';
import type { Logger } from '../observability/index.ts';
import { type ClaimOutcome, claimName, createClaimStore, type StoredClaim } from './store.ts';

export const clockErrors = errorVocabulary({
  /** The server's clock was set back, so earlier use cannot be determined for a while. */
  clock_stepped_back: 'unavailable',
});

/** Same shape as `SingleUseClaim` in the contracts. */
export interface Claim {
  readonly purpose: string;
  readonly issuer: string;
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface SingleUseClaims {
  /** @throws CodedError `clock_stepped_back`, `database_unavailable` */
  claim(claim: Claim): Promise<'claimed' | 'replayed'>;
  /** Removes expired claims; also runs every `sweepEveryMs`. Returns the number removed. */
  sweep(): Promise<number>;
  stop(): Promise<void>;
}

export interface SingleUseOptions {
  /**
   * Sessions may use `synchronous_commit = off`: a claim precedes the evidence record in the database's write-ahead log, and that
   * record's synchronous commit makes both durable. A claim lost in a crash was followed by no record, so nothing was released
   * under it.
   */
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sweepEveryMs?: number;
}

/** The caller's own check already refuses a longer validity, unless the clock was set back between that check and the claim. */
const longestLifeMs = 15 * 60_000;

/**
 * Claims are kept longer than their end, because a node with a slow clock may still accept a value that this node considers
 * expired.
 */
const clockDifferenceMs = 60_000;

/**
 * Single-use claims in PostgreSQL: one conditional insert decides, so any number of nodes agree.
 * The stored key is SHA-256 over purpose, issuer and id, each with its length: always 32 bytes, and unambiguous for each triple.
 */
export function createSingleUse(options: SingleUseOptions): SingleUseClaims {
  const store = createClaimStore(options.pool, 'single_use');
  const batches = createGroupCommit<StoredClaim, ClaimOutcome>({
    maxBatch: 512,
    maxQueued: 20_000,
    async flush(items) {
      // The first of two equal keys in a batch wins; the database would only report that one row is new.
      const first = new Map<string, number>();
      const fresh: StoredClaim[] = [];
      items.forEach((item, index) => {
        const name = claimName(item.key);
        if (first.has(name)) return;
        first.set(name, index);
        fresh.push(item);
      });
      const inserted = await store.insert(fresh);
      return items.map((item, index) => {
        const name = claimName(item.key);
        return (first.get(name) === index && inserted.get(name)) || 'replayed';
      });
    },
  });

  const { sweep, stop } = createSweeper({
    what: 'claims',
    logger: options.logger,
    removeSlice: (limit) => store.deleteExpired(options.clock.now() - clockDifferenceMs, limit),
    everyMs: options.sweepEveryMs ?? 15_000,
  });

  return {
    async claim({ purpose, issuer, id, expiresAt }) {
      if (expiresAt > options.clock.now() + longestLifeMs) throw steppedBack();
      const key = hash('sha256', `${purpose.length}:${purpose}${issuer.length}:${issuer}${id}`, 'buffer');
      const outcome = await batches.submit({ key, expiresAt });
      if (outcome === 'forgotten') throw steppedBack(expiresAt);
      return outcome;
    },
    sweep,
    async stop() {
      await stop();
      await batches.drain();
    },
  };
}

/**
 * The error for a claim that can be neither granted nor called a replay.
 *
 * @param forgotten when the claim ends, if claims with that end were already removed; milliseconds since the epoch
 */
export function steppedBack(forgotten?: number): CodedError {
  return clockErrors.error(
    'clock_stepped_back',
    'The clock of this server was set back, so it cannot tell whether this was used before. Nothing was released. Try again in a few minutes, with a new proof and a new assertion.',
    forgotten === undefined
      ? {}
      : { internal: `used ids that end at ${new Date(forgotten).toISOString()} were removed already` },
  );
}
