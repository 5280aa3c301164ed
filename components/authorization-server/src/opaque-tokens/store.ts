import { databaseFailure, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';

/** The table `opaque_tokens`. A row without the seal of one of our processes resolves to nothing. */
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
      try {
        await pool.query({
          name: 'opaque-token-insert',
          text: `insert into opaque_tokens (token_hash, region, access_token, expires_at, seal)
                 values ($1, $2, $3, to_timestamp($4::float8), $5)`,
          values: [
            ...[token.hash, token.region, token.accessToken, token.expiresAt],
            rowSeal.seal(...sealed(token.hash, token.region, token.accessToken)),
          ],
        });
      } catch (error) {
        throw databaseFailure(error);
      }
    },
    async find(hash: Buffer, region: string): Promise<string | undefined> {
      try {
        const { rows } = await pool.query<{ access_token: string; seal: Buffer | null }>({
          name: 'opaque-token-find',
          text: 'select access_token, seal from opaque_tokens where region = $2 and token_hash = $1',
          values: [hash, region],
        });
        const [row] = rows;
        if (row === undefined) return undefined;
        return rowSeal.holds(...sealed(hash, region, row.access_token), row.seal) ? row.access_token : undefined;
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
