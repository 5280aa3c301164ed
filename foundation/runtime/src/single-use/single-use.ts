import { hash } from 'node:crypto';
import { type Clock, type CodedError, errorVocabulary } from '@countersign/kernel';
import type pg from 'pg';
import { createGroupCommit } from '../database/index.ts';
import type { Logger } from '../observability/index.ts';
import { type ClaimOutcome, claimName, createClaimStore, type StoredClaim } from './store.ts';

export const clockErrors = errorVocabulary({
  /** The clock of this server was set back: whether something was used before cannot be told for a while. */
  clock_stepped_back: 'unavailable',
});

/** The shape of `SingleUseClaim` in the contracts. */
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
  /** Removes what has expired; runs by itself every `sweepEveryMs`. Returns the number removed. */
  sweep(): Promise<number>;
  stop(): Promise<void>;
}

export interface SingleUseOptions {
  /**
   * Sessions may run with `synchronous_commit = off`: a claim is then written to the log of the database before
   * the evidence record that follows it, and that record's synchronous commit makes both durable. A claim that a
   * crash does lose was followed by no record, so nothing had been released under it.
   */
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sweepEveryMs?: number;
}

/** Anything valid for longer is refused by its own check first, unless the clock was set back between that check and the claim. */
const longestLifeMs = 15 * 60_000;

/** Kept beyond its end: another node, whose clock is behind, may still accept what this one calls expired. */
const clockDifferenceMs = 60_000;

/**
 * Single-use claims in PostgreSQL: one conditional insert decides, so any number of nodes agree.
 *
 * The stored key is SHA-256 over purpose, issuer and id, each with its length: 32 bytes whatever a client
 * sends, and no two triples share one text.
 */
export function createSingleUse(options: SingleUseOptions): SingleUseClaims {
  const store = createClaimStore(options.pool, 'single_use');
  const batches = createGroupCommit<StoredClaim, ClaimOutcome>({
    maxBatch: 512,
    maxQueued: 20_000,
    async flush(items) {
      // Of two equal keys in one batch the first wins; the database would report only that one row was new.
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

  async function sweep(): Promise<number> {
    let removed = 0;
    for (;;) {
      // In slices: a long delete would hold back the vacuum and the claims behind it.
      const slice = await store.deleteExpired(options.clock.now() - clockDifferenceMs, 5_000);
      removed += slice;
      if (slice < 5_000) return removed;
    }
  }
  const timer = setInterval(() => {
    sweep().catch((error: unknown) => options.logger.warn({ error }, 'expired claims could not be removed'));
  }, options.sweepEveryMs ?? 15_000);
  timer.unref();

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
      clearInterval(timer);
      await batches.drain();
    },
  };
}

/**
 * For a claim that can neither be granted nor called a replay.
 *
 * @param forgotten when the claim ends, if claims that end then were removed already; milliseconds since the epoch
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
