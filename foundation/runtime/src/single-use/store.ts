import type pg from 'pg';
import { databaseFailure } from '../database/index.ts';

/** Asks the table `single_use (key, expires_at)` of the component whose pool it is given; the component's migrations make it. */
export function createSingleUseStore(pool: pg.Pool) {
  return {
    /** Inserts what is not there yet. @returns the keys that were new, as latin1 text. */
    async insert(items: readonly { readonly key: Buffer; readonly expiresAt: number }[]): Promise<ReadonlySet<string>> {
      try {
        const result = await pool.query<{ key: Buffer }>({
          name: 'single-use-insert',
          text: `insert into single_use (key, expires_at)
                 select key, to_timestamp(expires_ms / 1000.0) from unnest($1::bytea[], $2::float8[]) as claim (key, expires_ms)
                 on conflict (key) do nothing
                 returning key`,
          values: [items.map((item) => item.key), items.map((item) => item.expiresAt)],
        });
        return new Set(result.rows.map((row) => row.key.toString('latin1')));
      } catch (error) {
        throw databaseFailure(error);
      }
    },
    async deleteExpired(now: number, limit: number): Promise<number> {
      const result = await pool.query({
        name: 'single-use-sweep',
        text: `delete from single_use where key in (
                 select key from single_use where expires_at < to_timestamp($1::float8 / 1000.0) limit $2)`,
        values: [now, limit],
      });
      return result.rowCount ?? 0;
    },
  };
}
