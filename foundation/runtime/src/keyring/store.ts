import type pg from 'pg';
import { databaseFailure } from '../database/index.ts';

export interface StoredKey {
  readonly purpose: string;
  readonly generation: number;
  readonly kid: string;
  readonly algorithm: string;
  readonly publicJwk: Readonly<Record<string, string>>;
  readonly sealedKey: Buffer;
  readonly publishedAt: number;
  readonly activatesAt: number;
}

/**
 * Asks the table `signing_keys` of the component whose pool it is given; the component's migrations make it.
 *
 * Rows are only ever inserted: what state a key is in follows from its times and its successor's, so no update
 * can be lost and none is needed.
 */
export function createKeyStore(pool: pg.Pool) {
  return {
    async all(): Promise<readonly StoredKey[]> {
      try {
        const { rows } = await pool.query<StoredKey>(
          `select purpose, generation, kid, algorithm, public_jwk as "publicJwk", sealed_key as "sealedKey",
                  (extract(epoch from published_at) * 1000)::float8 as "publishedAt",
                  (extract(epoch from activates_at) * 1000)::float8 as "activatesAt"
             from signing_keys order by purpose, generation`,
        );
        return rows;
      } catch (error) {
        throw databaseFailure(error);
      }
    },
    /** @returns false when another node has made this generation first. */
    async insert(key: StoredKey): Promise<boolean> {
      try {
        const result = await pool.query(
          `insert into signing_keys (purpose, generation, kid, algorithm, public_jwk, sealed_key, published_at, activates_at)
           values ($1, $2, $3, $4, $5, $6, to_timestamp($7::float8 / 1000), to_timestamp($8::float8 / 1000))
           on conflict (purpose, generation) do nothing`,
          [
            key.purpose,
            key.generation,
            key.kid,
            key.algorithm,
            JSON.stringify(key.publicJwk),
            key.sealedKey,
            key.publishedAt,
            key.activatesAt,
          ],
        );
        return result.rowCount === 1;
      } catch (error) {
        throw databaseFailure(error);
      }
    },
  };
}
