import type { Queryable } from './queryable.ts';

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
      const { rows } = await database.query<CheckpointRow>(
        'select size, key_id, note from checkpoints where size = (select max(size) from checkpoints)',
      );
      return rows.map(checkpointOf);
    },

    /** `from` exclusive, `to` inclusive, smallest first. */
    async checkpoints(from: bigint, to: bigint): Promise<readonly StoredCheckpoint[]> {
      const { rows } = await database.query<CheckpointRow>(
        'select size, key_id, note from checkpoints where size > $1 and size <= $2 order by size, key_id',
        [from, to],
      );
      return rows.map(checkpointOf);
    },
  };
}

interface CheckpointRow {
  readonly size: string;
  readonly key_id: string;
  readonly note: string;
}

function checkpointOf(row: CheckpointRow): StoredCheckpoint {
  return { size: BigInt(row.size), keyId: row.key_id, note: row.note };
}
