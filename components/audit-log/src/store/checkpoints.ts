import { type Queryable, type TextRow, withSize } from './queryable.ts';

export interface StoredCheckpoint {
  readonly size: bigint;
  readonly keyId: string;
  readonly note: string;
}

/** Every tree head ever signed. */
export function checkpointStore(database: Queryable) {
  return {
    /** @returns false if this key has already signed this size */
    async insertCheckpoint({ size, keyId, note }: StoredCheckpoint): Promise<boolean> {
      const { rowCount } = await database.query(
        'insert into checkpoints (size, key_id, note) values ($1, $2, $3) on conflict (size, key_id) do nothing',
        [size, keyId, note],
      );
      return rowCount === 1;
    },

    async newestCheckpoints(): Promise<readonly StoredCheckpoint[]> {
      const { rows } = await database.query<TextRow<StoredCheckpoint, 'size'>>(
        'select size, key_id as "keyId", note from checkpoints where size = (select max(size) from checkpoints)',
      );
      return rows.map(withSize);
    },

    /** `from` exclusive, `to` inclusive, smallest first. */
    async checkpoints(from: bigint, to: bigint): Promise<readonly StoredCheckpoint[]> {
      const { rows } = await database.query<TextRow<StoredCheckpoint, 'size'>>(
        'select size, key_id as "keyId", note from checkpoints where size > $1 and size <= $2 order by size, key_id',
        [from, to],
      );
      return rows.map(withSize);
    },
  };
}
