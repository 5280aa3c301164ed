import type { Queryable } from './queryable.ts';

/** Consecutive hashes come as one value: hundreds of rows would cost more than the rest of a proof. */
export function treeStore(database: Queryable) {
  return {
    async leafHashes(first: bigint, count: number): Promise<readonly Buffer[]> {
      const { rows } = await database.query<{ hashes: Buffer | null }>({
        name: 'audit-log-leaf-hashes',
        text: `select string_agg(leaf_hash, ''::bytea order by index) as hashes
                 from entries where index >= $1 and index < $1::bigint + $2`,
        values: [first, count],
      });
      return hashesIn(rows[0]?.hashes);
    },

    async tile(level: number, index: bigint): Promise<{ readonly hashes: Buffer; readonly root: Buffer } | undefined> {
      const { rows } = await database.query<{ hashes: Buffer; root: Buffer }>({
        name: 'audit-log-tile',
        text: 'select hashes, root from tiles where level = $1 and index = $2',
        values: [level, index],
      });
      return rows[0];
    },

    async tileRoots(level: number, first: bigint, count: number): Promise<readonly Buffer[]> {
      const { rows } = await database.query<{ hashes: Buffer | null }>({
        name: 'audit-log-tile-roots',
        text: `select string_agg(root, ''::bytea order by index) as hashes
                 from tiles where level = $1 and index >= $2 and index < $2::bigint + $3`,
        values: [level, first, count],
      });
      return hashesIn(rows[0]?.hashes);
    },

    /** A tile or checkpoint over more entries than exist, in one snapshot. */
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

const hashBytes = 32;

/** The database checks the length of each hash. */
function hashesIn(concatenated: Buffer | null | undefined): readonly Buffer[] {
  const count = Math.floor((concatenated?.length ?? 0) / hashBytes);
  return Array.from({ length: count }, (_, place) =>
    (concatenated ?? Buffer.alloc(0)).subarray(place * hashBytes, (place + 1) * hashBytes),
  );
}
