import type { RecordType } from '@countersign/contracts';
import type pg from 'pg';
import type { CompletedTile } from './right-edge.ts';

/** A pool, or one connection of it inside a transaction. */
export type Queryable = Pick<pg.Pool | pg.PoolClient, 'query'>;

/** Entries that take the places from `first` on. */
export interface EntryBatch {
  readonly first: bigint;
  readonly entries: readonly {
    readonly recordId: string;
    readonly type: string;
    readonly transaction: string | undefined;
    readonly mandate: string | undefined;
    readonly leafHash: Buffer;
    readonly bytes: Buffer;
  }[];
  readonly tiles: readonly CompletedTile[];
}

export interface StoredEntry {
  readonly index: bigint;
  readonly bytes: Buffer;
  readonly leafHash: Buffer;
}

/** An entry with the columns by which it is found. */
export interface IndexedEntry extends StoredEntry {
  readonly recordId: string;
  readonly type: string;
  readonly transaction: string | null;
  readonly mandate: string | null;
}

export interface EntryQuery {
  readonly transaction?: string | undefined;
  /** Any of these; every type when absent. */
  readonly types?: readonly RecordType[] | undefined;
  readonly after: bigint;
  readonly limit: number;
}

export interface StoredCheckpoint {
  readonly size: bigint;
  readonly keyId: string;
  readonly note: string;
}

/** Advisory lock of the log: held shared while appending, alone while finding the way back after a conflict. */
const turn = '7163058014938236711';

const found = 'index, entry, leaf_hash';
interface FoundRow {
  readonly index: string;
  readonly entry: Buffer;
  readonly leaf_hash: Buffer;
}

function entryOf(row: FoundRow): StoredEntry {
  return { index: BigInt(row.index), bytes: row.entry, leafHash: row.leaf_hash };
}

/** The questions the log asks of storage, and the only SQL. */
export function createLogStore(database: Queryable) {
  return {
    /** Waits until every append under way has ended, and keeps others out until the transaction ends. */
    async takeTurn(): Promise<void> {
      await database.query(`select pg_advisory_xact_lock(${turn})`);
    },

    /**
     * Inserts entries, and the tiles they complete, in one statement: one round trip, all or nothing.
     *
     * Buffers travel in binary and are cut up by the server; arrays of them would travel as escaped hexadecimal.
     */
    async insert({ first, entries, tiles }: EntryBatch): Promise<void> {
      let end = 0;
      const lengths = entries.map(({ bytes }) => bytes.length);
      const ends = lengths.map((length) => (end += length));
      await database.query({
        name: 'audit-log-append',
        text: `with turn as materialized (select pg_advisory_xact_lock_shared(${turn})),
          completed as (
            insert into tiles (level, index, hashes, root)
            select tile.level, tile.index, substring($9::bytea from (n::int - 1) * 8192 + 1 for 8192), substring($10::bytea from (n::int - 1) * 32 + 1 for 32)
              from turn, unnest(string_to_array($7, ',')::smallint[], string_to_array($8, ',')::bigint[]) with ordinality as tile (level, index, n)
          )
          insert into entries (index, record_id, type, transaction, mandate, leaf_hash, entry)
          select $1::bigint + n - 1, item.id, item.type, item.transaction, item.mandate,
                 substring($11::bytea from (n::int - 1) * 32 + 1 for 32), substring($12::bytea from item.past - item.length + 1 for item.length)
            from turn, unnest(string_to_array($2, ','), string_to_array($3, ','), string_to_array($4, ',', ''), string_to_array($5, ',', ''),
                   string_to_array($6, ',')::int[], string_to_array($13, ',')::int[])
                 with ordinality as item (id, type, transaction, mandate, length, past, n)`,
        values: [
          first.toString(),
          entries.map(({ recordId }) => recordId).join(),
          entries.map(({ type }) => type).join(),
          entries.map(({ transaction }) => transaction).join(),
          entries.map(({ mandate }) => mandate).join(),
          lengths.join(),
          tiles.map(({ level }) => level).join(),
          tiles.map(({ index }) => index).join(),
          Buffer.concat(tiles.map(({ hashes }) => hashes)),
          Buffer.concat(tiles.map(({ root }) => root)),
          Buffer.concat(entries.map(({ leafHash }) => leafHash)),
          Buffer.concat(entries.map(({ bytes }) => bytes)),
          ends.join(),
        ],
      });
    },

    async size(): Promise<bigint> {
      const { rows } = await database.query<{ size: string }>(
        'select coalesce(max(index) + 1, 0) as size from entries',
      );
      return BigInt(rows[0]?.size ?? 0);
    },

    async last(): Promise<StoredEntry | undefined> {
      const { rows } = await database.query<FoundRow>(`select ${found} from entries order by index desc limit 1`);
      return rows.map(entryOf)[0];
    },

    async byRecordIds(ids: readonly string[]): Promise<readonly (StoredEntry & { readonly recordId: string })[]> {
      const { rows } = await database.query<FoundRow & { record_id: string }>(
        `select ${found}, record_id from entries where record_id = any($1) order by index`,
        [ids],
      );
      return rows.map((row) => ({ ...entryOf(row), recordId: row.record_id }));
    },

    /** The versions of these mandates, in the order of the log. */
    async ofMandates(mandates: readonly string[], limit: number): Promise<readonly StoredEntry[]> {
      const { rows } = await database.query<FoundRow>(
        `select ${found} from entries where mandate = any($1) order by index limit $2`,
        [mandates, limit],
      );
      return rows.map(entryOf);
    },

    async search({ transaction, types, after, limit }: EntryQuery): Promise<readonly StoredEntry[]> {
      const values: unknown[] = [after, limit];
      const ofTransaction = transaction === undefined ? '' : ` and transaction = $${values.push(transaction)}`;
      // A type at a time, each by its own stretch of the index over type and place: a reader that follows a few rare
      // types pays for what is new of these, and neither for the rest of the log nor for what it has read before.
      // Comparing and ordering by type and place as one keeps the planner to that index, whatever it believes of a type
      // that is rare or new: by place alone it would go through every type, which at a million records takes seconds.
      const text =
        types === undefined
          ? `select ${found} from entries where index > $1${ofTransaction} order by index limit $2`
          : `select ${found} from unnest($${values.push([...new Set(types)])}::text[]) as wanted (of_type)
               cross join lateral (
                 select ${found} from entries
                  where (type, index) > (of_type collate "C", $1::bigint)
                    and (type, index) <= (of_type collate "C", 9223372036854775807)${ofTransaction}
                  order by type, index limit $2) as entry
              order by index limit $2`;
      const { rows } = await database.query<FoundRow>(text, values);
      return rows.map(entryOf);
    },

    /** Entries with all their columns, from a place on. */
    async range(first: bigint, count: number): Promise<readonly IndexedEntry[]> {
      const { rows } = await database.query<
        FoundRow & { record_id: string; type: string; transaction: string | null; mandate: string | null }
      >(
        `select ${found}, record_id, type, transaction, mandate from entries where index >= $1 order by index limit $2`,
        [first, count],
      );
      return rows.map((row) => ({
        ...entryOf(row),
        recordId: row.record_id,
        type: row.type,
        transaction: row.transaction,
        mandate: row.mandate,
      }));
    },

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

    /** @returns false when this key has signed a tree of this size already */
    async insertCheckpoint({ size, keyId, note }: StoredCheckpoint): Promise<boolean> {
      const { rowCount } = await database.query(
        'insert into checkpoints (size, key_id, note) values ($1, $2, $3) on conflict (size, key_id) do nothing',
        [size, keyId, note],
      );
      return rowCount === 1;
    },

    /** All that were signed for the largest tree. */
    async newestCheckpoints(): Promise<readonly StoredCheckpoint[]> {
      const { rows } = await database.query<{ size: string; key_id: string; note: string }>(
        'select size, key_id, note from checkpoints where size = (select max(size) from checkpoints)',
      );
      return rows.map(checkpointOf);
    },

    /** Those for trees larger than `from`, up to `to`, smallest first. */
    async checkpoints(from: bigint, to: bigint): Promise<readonly StoredCheckpoint[]> {
      const { rows } = await database.query<{ size: string; key_id: string; note: string }>(
        'select size, key_id, note from checkpoints where size > $1 and size <= $2 order by size, key_id',
        [from, to],
      );
      return rows.map(checkpointOf);
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

export type LogStore = ReturnType<typeof createLogStore>;

function checkpointOf(row: {
  readonly size: string;
  readonly key_id: string;
  readonly note: string;
}): StoredCheckpoint {
  return { size: BigInt(row.size), keyId: row.key_id, note: row.note };
}
