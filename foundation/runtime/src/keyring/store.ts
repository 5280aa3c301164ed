import type pg from 'pg';
import { databaseFailure, takeNamedLock, transaction } from '../database/index.ts';

export interface StoredKey {
  readonly purpose: string;
  readonly generation: number;
  readonly kid: string;
  readonly algorithm: string;
  readonly publicJwk: Readonly<Record<string, string>>;
  readonly sealedKey: Buffer;
  /** Milliseconds since the epoch, as are all times here. */
  readonly publishedAt: number;
  readonly activatesAt: number;
  /** The kid of the compromised key that this key replaced at once. */
  readonly withdraws: string | null;
}

/**
 * Reads and writes the table `signing_keys` of the component that owns the pool; the component's migrations create it.
 * Rows are only inserted: the state of a key follows from its times and its successors. No update can be lost, and a role that
 * may only insert can withdraw a key.
 */
export function createKeyStore(pool: pg.Pool) {
  return {
    async all(): Promise<readonly StoredKey[]> {
      try {
        return await readAll(pool);
      } catch (error) {
        throw databaseFailure(error);
      }
    },
    /**
     * Adds at most one key of `purpose` while other nodes wait: `decide` sees every existing key and returns the key to insert.
     * It must be fast, because the lock is held meanwhile.
     *
     * @returns all keys afterwards
     */
    async add(
      purpose: string,
      decide: (present: readonly StoredKey[]) => Promise<StoredKey | undefined>,
    ): Promise<readonly StoredKey[]> {
      return transaction(pool, async (client) => {
        await takeNamedLock(client, `signing keys of ${purpose}`);
        const present = await readAll(client);
        const key = await decide(present);
        if (key === undefined) return present;
        await insert(client, key);
        return [...present, key];
      });
    },
  };
}

async function readAll(database: pg.Pool | pg.PoolClient): Promise<readonly StoredKey[]> {
  const { rows } = await database.query<StoredKey>(
    `select purpose, generation, kid, algorithm, public_jwk as "publicJwk", sealed_key as "sealedKey",
            round(extract(epoch from published_at) * 1000)::float8 as "publishedAt",
            round(extract(epoch from activates_at) * 1000)::float8 as "activatesAt",
            withdraws
       from signing_keys order by purpose, generation`,
  );
  return rows;
}

async function insert(client: pg.PoolClient, key: StoredKey): Promise<void> {
  await client.query(
    `insert into signing_keys (purpose, generation, kid, algorithm, public_jwk, sealed_key, published_at, activates_at, withdraws)
     values ($1, $2, $3, $4, $5, $6, to_timestamp($7::float8 / 1000), to_timestamp($8::float8 / 1000), $9)`,
    [
      key.purpose,
      key.generation,
      key.kid,
      key.algorithm,
      JSON.stringify(key.publicJwk),
      key.sealedKey,
      key.publishedAt,
      key.activatesAt,
      key.withdraws,
    ],
  );
}
