import { type Clock, type Random, sha256 } from '@countersign/kernel';
import { createSweeper, type Logger, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import { createRefreshTokenStore, type RefreshTokenBinding } from './store.ts';

/** Refresh tokens: 256 random bits, stored as a hash, and reusable until they end. */
export interface RefreshTokens {
  issue(binding: RefreshTokenBinding): Promise<string>;
  /** The binding of a token, unless it has expired or was never issued. */
  find(token: string): Promise<RefreshTokenBinding | undefined>;
  /** Stores the DPoP key that it was last used with; idempotent. */
  rebind(token: string, binding: RefreshTokenBinding, jkt: string): Promise<void>;
  /** Deletes a token; idempotent. */
  end(token: string): Promise<void>;
  /** Removes expired tokens; runs by itself. @returns the number removed */
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

/** The prefix identifies a leaked token for what it is, and distinguishes it from access tokens. */
const prefix = 'csr_';
const pattern = /^csr_[\w-]{43}$/;

/** Kept beyond its end, to allow for a node with a slow clock. */
const clockDifferenceMs = 60_000;

export function createRefreshTokens({
  pool,
  rowSeal,
  clock,
  random,
  logger,
}: RefreshTokensDependencies): RefreshTokens {
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
