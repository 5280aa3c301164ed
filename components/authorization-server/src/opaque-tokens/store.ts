import { ask, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import { removeExpiredRows } from '../row-store.ts';

/** Rows without a valid seal are ignored. */
export function createOpaqueTokenStore(pool: pg.Pool, rowSeal: RowSeal) {
  const sealed = (hash: Buffer, region: string, accessToken: string) =>
    [`opaque-token/${hash.toString('base64url')}`, { region, access_token: accessToken }] as const;

  return {
    async insert(token: {
      readonly hash: Buffer;
      readonly region: string;
      readonly accessToken: string;
      /** Seconds since the epoch. */
      readonly expiresAt: number;
    }): Promise<void> {
      await ask(pool, {
        name: 'opaque-token-insert',
        text: `insert into opaque_tokens (token_hash, region, access_token, expires_at, seal)
                 values ($1, $2, $3, to_timestamp($4::float8), $5)`,
        values: [
          ...[token.hash, token.region, token.accessToken, token.expiresAt],
          rowSeal.seal(...sealed(token.hash, token.region, token.accessToken)),
        ],
      });
    },
    async find(hash: Buffer, region: string): Promise<string | undefined> {
      const { rows } = await ask<{ access_token: string; seal: Buffer | null }>(pool, {
        name: 'opaque-token-find',
        text: 'select access_token, seal from opaque_tokens where region = $2 and token_hash = $1',
        values: [hash, region],
      });
      const [row] = rows;
      if (row === undefined) return undefined;
      return rowSeal.holds(...sealed(hash, region, row.access_token), row.seal) ? row.access_token : undefined;
    },
    /** @param before milliseconds since the epoch */
    removeExpired: (before: number, limit: number) =>
      removeExpiredRows(
        pool,
        { table: 'opaque_tokens', key: 'region, token_hash', column: 'expires_at' },
        before,
        limit,
      ),
  };
}
