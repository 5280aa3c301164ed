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
  /** The kid of the key that this one has replaced at once, because that one was lost. */
  readonly withdraws: string | null;
}

/**
 * Asks the table `signing_keys` of the component whose pool it is given; the component's migrations make it.
 *
 * Rows are only ever inserted: what state a key is in follows from its times and its successors, so no update can be
 * lost, none is needed, and a role that may only insert can withdraw a key.
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
     * Adds a key of `purpose`, or none, while no other node can: `decide` sees every key there is and says what to
     * insert. What it waits for is done while the others wait, so it must be short.
     *
     * @returns every key there is afterwards
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
