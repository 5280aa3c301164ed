import { type Clock, type Random, sha256 } from '@countersign/kernel';
import { createSweeper, type Logger, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import { createRefreshTokenStore, type RefreshTokenBinding } from './store.ts';

/** 256 random bits, stored as a hash, reusable until they end. */
export interface RefreshTokens {
  issue(binding: RefreshTokenBinding): Promise<string>;
  /** Undefined for an expired or unknown token. */
  find(token: string): Promise<RefreshTokenBinding | undefined>;
  /** Stores the last used DPoP key; idempotent. */
  rebind(token: string, binding: RefreshTokenBinding, jkt: string): Promise<void>;
  end(token: string): Promise<void>;
  /** Also runs by itself. @returns the number removed */
  sweep(): Promise<number>;
  stop(): Promise<void>;
}

export interface RefreshTokensDependencies {
  readonly pool: pg.Pool;
  readonly rowSeal: RowSeal;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Identifies a leaked token. */
const prefix = 'csr_';
const pattern = /^csr_[\w-]{43}$/;

/** Tolerated difference between the clocks of two nodes. */
const clockDifferenceMs = 60_000;

export function createRefreshTokens(dependencies: RefreshTokensDependencies): RefreshTokens {
  const { pool, rowSeal, clock, random, logger } = dependencies;
  const store = createRefreshTokenStore(pool, rowSeal);
  const sweeper = createSweeper({
    what: 'refresh tokens',
    logger,
    removeSlice: (limit) => store.removeExpired(clock.now() - clockDifferenceMs, limit),
  });
  return {
    async issue(binding) {
      const token = prefix + Buffer.from(random.bytes(32)).toString('base64url');
      await store.insert(sha256(token), binding);
      return token;
    },
    async find(token) {
      if (!pattern.test(token)) return undefined;
      const binding = await store.find(sha256(token));
      return binding === undefined || binding.expiresAt <= clock.now() ? undefined : binding;
    },
    async rebind(token, binding, jkt) {
      await store.rebind(sha256(token), { ...binding, jkt });
    },
    async end(token) {
      if (pattern.test(token)) await store.remove(sha256(token));
    },
    sweep: sweeper.sweep,
    stop: sweeper.stop,
  };
}
