import type { RetentionClass } from '@countersign/contracts';
import type pg from 'pg';

/** There is one key in use for each. */
export interface KeyUse {
  readonly subject: string;
  readonly region: string;
  readonly class: RetentionClass;
  /** UTC. */
  readonly year: number;
}

export interface StoredKey extends KeyUse {
  readonly id: string;
  /** Null once destroyed. */
  readonly sealed: Buffer | null;
}

export interface ValueName {
  readonly key: string;
  readonly record: string;
  readonly path: string;
}

export interface SealedValue {
  readonly path: string;
  readonly key: string;
  /** Nonce, ciphertext and tag of AES-256-GCM. */
  readonly ciphertext: Buffer;
}

export interface StoredValue {
  readonly ciphertext: Buffer | null;
  readonly keyState: 'unknown' | 'erased' | 'in-use';
}

const keyColumns = 'id, subject, region, class, year, sealed_key as sealed';

export function createProtectedValueStore(database: Pick<pg.Pool | pg.PoolClient, 'query'>) {
  return {
    async keysInUse(uses: readonly KeyUse[]): Promise<readonly StoredKey[]> {
      const { rows } = await database.query<StoredKey>({
        name: 'audit-log-keys-in-use',
        text: `select ${keyColumns}
            from unnest($1::text[], $2::text[], $3::text[], $4::int[]) as wanted (subject, region, class, year)
            join subject_keys using (subject, region, class, year)
           where subject_keys.erased_at is null`,
        values: columnsOf(uses),
      });
      return rows;
    },

    /** If another node was faster, its key stays: read again. */
    async insertKeys(keys: readonly (KeyUse & { readonly id: string; readonly sealed: Buffer })[]): Promise<void> {
      // In one order on every node, to avoid deadlocks.
      const sorted = keys.toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
      await database.query(
        `insert into subject_keys (subject, region, class, year, id, sealed_key)
         select * from unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::text[], $6::bytea[])
         on conflict (subject, region, class, year) where erased_at is null do nothing`,
        [...columnsOf(sorted), sorted.map(({ id }) => id), sorted.map(({ sealed }) => sealed)],
      );
    },

    async keys(ids: readonly string[]): Promise<readonly StoredKey[]> {
      const { rows } = await database.query<StoredKey>({
        name: 'audit-log-keys',
        text: `select ${keyColumns} from subject_keys where id = any($1)`,
        values: [ids],
      });
      return rows;
    },

    /** In the order of the names; null if there is none. One snapshot. */
    async values(names: readonly ValueName[]): Promise<readonly StoredValue[]> {
      const { rows } = await database.query<StoredValue>({
        name: 'audit-log-protected-values',
        text: `select value.ciphertext,
                 case when subject_key.id is null then 'unknown' when subject_key.erased_at is null then 'in-use' else 'erased' end as "keyState"
            from unnest($1::text[], $2::text[], $3::text[]) with ordinality as wanted (key, record_id, path, n)
            left join protected_values as value
              on value.key = wanted.key and value.record_id = wanted.record_id and value.path = wanted.path
            left join subject_keys as subject_key on subject_key.id = wanted.key
           order by wanted.n`,
        values: [names.map(({ key }) => key), names.map(({ record }) => record), names.map(({ path }) => path)],
      });
      return rows;
    },
  };
}

export type ProtectedValueStore = ReturnType<typeof createProtectedValueStore>;

function columnsOf(uses: readonly KeyUse[]): unknown[] {
  return [
    uses.map(({ subject }) => subject),
    uses.map(({ region }) => region),
    uses.map((use) => use.class),
    uses.map(({ year }) => year),
  ];
}

function orderOf({ subject, region, class: inClass, year }: KeyUse): string {
  return `${subject}\n${region}\n${inClass}\n${year}`;
}
