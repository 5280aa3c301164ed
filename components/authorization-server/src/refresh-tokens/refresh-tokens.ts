import { type Clock, type Random, sha256 } from '@countersign/kernel';
import { createSweeper, type Logger, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import { createRefreshTokenStore, type RefreshTokenBinding } from './store.ts';

/** Refresh tokens: 256 random bits, kept as their hash, used as often as their holder likes until they end. */
export interface RefreshTokens {
  issue(binding: RefreshTokenBinding): Promise<string>;
  /** What a token stands for, unless it has expired or was never issued. */
  find(token: string): Promise<RefreshTokenBinding | undefined>;
  /** Remembers another DPoP key as the one it was used with last; idempotent. */
  rebind(token: string, binding: RefreshTokenBinding, jkt: string): Promise<void>;
  /** Forgets one; idempotent. */
  end(token: string): Promise<void>;
  /** Removes what has expired; runs by itself. @returns how many */
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

/** So that one is known for what it is wherever it turns up, and for no access token. */
const prefix = 'csr_';
const pattern = /^csr_[\w-]{43}$/;

/** Kept beyond its end, for a node whose clock is behind. */
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
