import { type Clock, type Random, sha256 } from '@countersign/kernel';
import type { AccessTokenClaims } from '@countersign/oauth';
import { createSweeper, type Logger, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import { createOpaqueTokenStore } from './store.ts';

/** Identifies a leaked reference. */
const prefix = 'cst_';
const pattern = /^cst_[\w-]{43}$/;

/** References that only this server resolves, and only in their region. */
export interface OpaqueTokens {
  /** Stores the signed token in the region of its claims, by default this node's. @returns a reference of 256 random bits, stored as a hash */
  keep(claims: AccessTokenClaims): Promise<string>;
  /** Only in this node's region. The token must still be verified. */
  resolve(reference: string): Promise<string | undefined>;
  stop(): Promise<void>;
}

export function isOpaqueToken(token: string): boolean {
  return pattern.test(token);
}

export function createOpaqueTokens(dependencies: {
  readonly pool: pg.Pool;
  readonly rowSeal: RowSeal;
  readonly region: string;
  readonly signToken: (claims: AccessTokenClaims) => Promise<string>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}): OpaqueTokens {
  const { region, signToken, clock, random, logger } = dependencies;
  const store = createOpaqueTokenStore(dependencies.pool, dependencies.rowSeal);
  const sweeper = createSweeper({
    what: 'opaque tokens',
    logger,
    removeSlice: (limit) => store.removeExpired(clock.now(), limit),
  });
  return {
    async keep(claims) {
      const reference = prefix + Buffer.from(random.bytes(32)).toString('base64url');
      const accessToken = await signToken(claims);
      const at = { region: claims.region ?? region, expiresAt: claims.exp };
      await store.insert({ hash: sha256(reference), accessToken, ...at });
      return reference;
    },
    resolve: async (reference) => (isOpaqueToken(reference) ? store.find(sha256(reference), region) : undefined),
    stop: sweeper.stop,
  };
}
