import { hash } from 'node:crypto';
import type { Clock } from '@countersign/kernel';
import type pg from 'pg';
import { createGroupCommit } from '../database/index.ts';
import type { Logger } from '../observability/logger.ts';
import { createSingleUseStore } from './store.ts';

/** The shape of `SingleUseClaim` in the contracts. */
export interface Claim {
  readonly purpose: string;
  readonly issuer: string;
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface SingleUseClaims {
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

/** Anything valid for longer is refused by its own check first; a claim that far out is our bug, and would grow the table. */
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
  const store = createSingleUseStore(options.pool);
  const batches = createGroupCommit<{ key: Buffer; expiresAt: number }, 'claimed' | 'replayed'>({
    maxBatch: 512,
    maxQueued: 20_000,
    async flush(items) {
      // Of two equal keys in one batch the first wins; the database would report only that one row was new.
      const first = new Map<string, number>();
      const fresh: { key: Buffer; expiresAt: number }[] = [];
      items.forEach((item, index) => {
        const name = item.key.toString('latin1');
        if (first.has(name)) return;
        first.set(name, index);
        fresh.push(item);
      });
      const inserted = await store.insert(fresh);
      return items.map((item, index) => {
        const name = item.key.toString('latin1');
        return first.get(name) === index && inserted.has(name) ? 'claimed' : 'replayed';
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
      if (expiresAt > options.clock.now() + longestLifeMs) throw new Error(`a ${purpose} claim outlives the cap`);
      const key = hash('sha256', `${purpose.length}:${purpose}${issuer.length}:${issuer}${id}`, 'buffer');
      return batches.submit({ key, expiresAt });
    },
    sweep,
    async stop() {
      clearInterval(timer);
      await batches.drain();
    },
  };
}
