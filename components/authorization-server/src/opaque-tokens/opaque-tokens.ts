import { type Clock, type Random, sha256 } from '@countersign/kernel';
import type { AccessTokenClaims } from '@countersign/oauth';
import { createSweeper, type Logger, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import { createOpaqueTokenStore } from './store.ts';

/** The prefix identifies a leaked reference for what it is. */
const prefix = 'cst_';
const pattern = /^cst_[\w-]{43}$/;

/** Opaque access tokens: meaningless references that only this server resolves, and only in their region. */
export interface OpaqueTokens {
  /**
   * Signs an access token, stores it in its region (this node's region if the claims name none), and returns a reference of
   * 256 random bits, of which only the hash is stored.
   */
  keep(claims: AccessTokenClaims): Promise<string>;
  /** The token of a reference, if it belongs to this node's region. The caller must still verify it. */
  resolve(reference: string): Promise<string | undefined>;
  stop(): Promise<void>;
}

export function isOpaqueToken(token: string): boolean {
  return pattern.test(token);
}

export function createOpaqueTokens(dependencies: {
  readonly pool: pg.Pool;
  readonly rowSeal: RowSeal;
  /** The region of this node. */
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
      await store.insert({
        hash: sha256(reference),
        region: claims.region ?? region,
        accessToken,
        expiresAt: claims.exp,
      });
      return reference;
    },
    resolve: async (reference) => (isOpaqueToken(reference) ? store.find(sha256(reference), region) : undefined),
    stop: sweeper.stop,
  };
}
