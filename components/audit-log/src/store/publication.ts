import { tryNamedLock } from '@countersign/runtime';
import { type Queryable, type TextRow, withSize } from './queryable.ts';

/** Lock of the node that asks the witnesses. */
const turn = 'publication';

export interface StoredNote {
  readonly size: bigint;
  readonly note: string;
}

export interface StoredCosignature extends StoredNote {
  readonly witness: string;
}

export function publicationStore(database: Queryable) {
  return {
    /** For this transaction, which may last a whole round. @returns false if another node holds the lock */
    async tryTurn(): Promise<boolean> {
      await database.query(`set local idle_in_transaction_session_timeout = '300s'`);
      return tryNamedLock(database, turn);
    },

    /** Whether this log ever had a witness. */
    async any(): Promise<boolean> {
      const { rows } = await database.query<{ there: boolean }>(
        'select exists (select from published_checkpoints) or exists (select from cosignatures) as there',
      );
      return rows[0]?.there === true;
    },

    /** The size of a note over more entries than exist. */
    async beyond(): Promise<bigint | undefined> {
      const { rows } = await database.query<{ size: string }>(
        `with tree as (select coalesce(max(index) + 1, 0) as size from entries)
         select shown.size from published_checkpoints as shown, tree where shown.size > tree.size
         union all
         select shown.size from cosignatures as shown, tree where shown.size > tree.size
         limit 1`,
      );
      return rows[0] === undefined ? undefined : BigInt(rows[0].size);
    },

    async insertPublished({ size, note }: StoredNote): Promise<void> {
      await database.query('insert into published_checkpoints (size, note) values ($1, $2)', [size, note]);
    },

    async newestPublished(): Promise<StoredNote | undefined> {
      const { rows } = await database.query<TextRow<StoredNote, 'size'>>(
        'select size, note from published_checkpoints order by size desc, id desc limit 1',
      );
      return rows.map(withSize)[0];
    },

    /** `from` exclusive, `to` inclusive, smallest first. */
    async published(from: bigint, to: bigint): Promise<readonly StoredNote[]> {
      const { rows } = await database.query<TextRow<StoredNote, 'size'>>(
        'select size, note from published_checkpoints where size > $1 and size <= $2 order by size, id',
        [from, to],
      );
      return rows.map(withSize);
    },

    /** The first cosignature of a size stays. */
    async insertCosignature({ witness, size, note }: StoredCosignature): Promise<void> {
      await database.query(
        'insert into cosignatures (witness, size, note) values ($1, $2, $3) on conflict (witness, size) do nothing',
        [witness, size, note],
      );
    },

    async newestCosigned(witness: string): Promise<StoredCosignature | undefined> {
      const { rows } = await database.query<TextRow<StoredCosignature, 'size'>>(
        'select witness, size, note from cosignatures where witness = $1 order by size desc limit 1',
        [witness],
      );
      return rows.map(withSize)[0];
    },

    /** `from` exclusive, `to` inclusive, smallest first. */
    async cosignatures(from: bigint, to: bigint): Promise<readonly StoredCosignature[]> {
      const { rows } = await database.query<TextRow<StoredCosignature, 'size'>>(
        'select witness, size, note from cosignatures where size > $1 and size <= $2 order by size, witness',
        [from, to],
      );
      return rows.map(withSize);
    },
  };
}

export type PublicationStore = ReturnType<typeof publicationStore>;
