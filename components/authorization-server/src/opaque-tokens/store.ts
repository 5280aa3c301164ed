import { databaseFailure } from '@countersign/runtime';
import type pg from 'pg';

/** The table `opaque_tokens`. */
export function createOpaqueTokenStore(pool: pg.Pool) {
  return {
    async insert(token: {
      readonly hash: Buffer;
      readonly region: string;
      readonly accessToken: string;
      /** Seconds since the epoch. */
      readonly expiresAt: number;
    }): Promise<void> {
      try {
        await pool.query({
          name: 'opaque-token-insert',
          text: `insert into opaque_tokens (token_hash, region, access_token, expires_at)
                 values ($1, $2, $3, to_timestamp($4::float8))`,
          values: [token.hash, token.region, token.accessToken, token.expiresAt],
        });
      } catch (error) {
        throw databaseFailure(error);
      }
    },
    async find(hash: Buffer, region: string): Promise<string | undefined> {
      try {
        const { rows } = await pool.query<{ access_token: string }>({
          name: 'opaque-token-find',
          text: 'select access_token from opaque_tokens where region = $2 and token_hash = $1',
          values: [hash, region],
        });
        return rows[0]?.access_token;
      } catch (error) {
        throw databaseFailure(error);
      }
    },
    /** @param before milliseconds since the epoch */
    async removeExpired(before: number, limit: number): Promise<number> {
      const { rowCount } = await pool.query({
        name: 'opaque-token-sweep',
        text: `delete from opaque_tokens where (region, token_hash) in (
                 select region, token_hash from opaque_tokens where expires_at < to_timestamp($1::float8 / 1000.0) limit $2)`,
        values: [before, limit],
      });
      return rowCount ?? 0;
    },
  };
}
