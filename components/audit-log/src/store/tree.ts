import type { Queryable } from './queryable.ts';

/** Hashes of the tree: the leaves', and those of full tiles. */
export function treeStore(database: Queryable) {
  return {
    async leafHashes(first: bigint, count: number): Promise<readonly Buffer[]> {
      const { rows } = await database.query<{ leaf_hash: Buffer }>(
        'select leaf_hash from entries where index >= $1 and index < $1::bigint + $2 order by index',
        [first, count],
      );
      return rows.map((row) => row.leaf_hash);
    },

    async tile(level: number, index: bigint): Promise<{ readonly hashes: Buffer; readonly root: Buffer } | undefined> {
      const { rows } = await database.query<{ hashes: Buffer; root: Buffer }>(
        'select hashes, root from tiles where level = $1 and index = $2',
        [level, index],
      );
      return rows[0];
    },

    /** Roots of consecutive tiles: hashes of the level above. */
    async tileRoots(level: number, first: bigint, count: number): Promise<readonly Buffer[]> {
      const { rows } = await database.query<{ root: Buffer }>(
        'select root from tiles where level = $1 and index >= $2 and index < $2::bigint + $3 order by index',
        [level, first, count],
      );
      return rows.map((row) => row.root);
    },

    /** A tile or a checkpoint of more entries than there are, in one snapshot. */
    async beyondTheEnd(): Promise<{ readonly kind: 'tile' | 'checkpoint'; readonly place: string } | undefined> {
      const { rows } = await database.query<{ kind: 'tile' | 'checkpoint'; place: string }>(
        `with tree as (select coalesce(max(index) + 1, 0) as size from entries)
         select 'tile' as kind, level || '/' || index as place from tiles, tree where (index + 1) * power(256::numeric, level + 1) > tree.size
         union all
         select 'checkpoint', checkpoints.size::text from checkpoints, tree where checkpoints.size > tree.size
         limit 1`,
      );
      return rows[0];
    },
  };
}
