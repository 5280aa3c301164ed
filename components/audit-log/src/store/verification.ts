import { type Queryable, withIndex } from './queryable.ts';

export interface KeptValue {
  readonly recordId: string;
  readonly path: string;
  readonly key: string;
  readonly ciphertext: Buffer;
}

export function verificationStore(database: Queryable) {
  return {
    /** A body without an entry. */
    async strayBody(
      first: bigint,
      past: bigint,
    ): Promise<{ readonly class: string; readonly index: bigint } | undefined> {
      const { rows } = await database.query<{ readonly class: string; readonly index: string }>(
        `select bodies.class, bodies.index from bodies
          where bodies.index >= $1 and bodies.index < $2
            and not exists (select from entries where entries.index = bodies.index and entries.class = bodies.class)
          order by bodies.index limit 1`,
        [first, past],
      );
      return rows.map(withIndex)[0];
    },

    async valuesOf(records: readonly string[], keys: readonly string[]): Promise<readonly KeptValue[]> {
      const { rows } = await database.query<KeptValue>(
        `select record_id as "recordId", path, key, ciphertext from protected_values
          where key = any($2) and record_id = any($1)`,
        [records, keys],
      );
      return rows;
    },

    /** A value without a record, or under a destroyed key. */
    async strayValue(): Promise<{ readonly record: string; readonly path: string } | undefined> {
      const { rows } = await database.query<{ record: string; path: string }>(
        `select record_id as record, path from protected_values
          where not exists (select from entries where entries.record_id = protected_values.record_id)
             or not exists (select from subject_keys where id = key and erased_at is null)
          limit 1`,
      );
      return rows[0];
    },

    async erasedKeys(keys: readonly string[]): Promise<ReadonlyMap<string, boolean>> {
      const { rows } = await database.query<{ id: string; erased: boolean }>(
        'select id, erased_at is not null as erased from subject_keys where id = any($1)',
        [keys],
      );
      return new Map(rows.map(({ id, erased }) => [id, erased]));
    },
  };
}

export type VerificationStore = ReturnType<typeof verificationStore>;
