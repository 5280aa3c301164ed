import type { RecordType } from '@countersign/contracts';
import type pg from 'pg';
import { timePlace } from './record-json.ts';
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

/** Places between two, both exclusive. */
export interface StretchQuery {
  readonly types: readonly RecordType[];
  readonly after: bigint;
  readonly before: bigint;
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

    /**
     * The first place whose record has this time or a later one; the size of the log when none has. Times never go
     * backwards along the log, so twenty rows tell it of a million.
     *
     * @param time as the log writes it
     * @returns undefined when a row is gone that had to be looked at
     */
    async placeOfTime(time: string): Promise<bigint | undefined> {
      const { rows } = await database.query<{ place: string }>(
        `with recursive narrowing (low, high) as (
           select 0::bigint, (select coalesce(max(index) + 1, 0) from entries)
           union all
           select case when earlier then middle + 1 else low end, case when earlier then high else middle end
             from narrowing
            cross join lateral (select (low + high) / 2 as middle) as half
            cross join lateral (
              select substring(entry from ${timePlace.from} for ${timePlace.length}) < convert_to($1, 'UTF8') as earlier
                from entries where index = middle) as probed
            where low < high
         )
         select low as place from narrowing where low = high`,
        [time],
      );
      return rows[0] === undefined ? undefined : BigInt(rows[0].place);
    },

    /** Records of these types behind one place and before another, as text, in the order of the log. */
    async scan({ types, after, before, limit }: StretchQuery & { readonly limit: number }) {
      // Places first, from the index over type and place alone; only the records that are wanted are then read.
      const { rows } = await database.query<{ index: string; text: string }>(
        `select place.index, record.text
           from (
             select of_type_place.index
               from unnest($1::text[]) as wanted (of_type)
              cross join lateral (
                select entries.index from entries
                 where (type, index) > (of_type collate "C", $2::bigint)
                   and (type, index) < (of_type collate "C", $3::bigint)
                 order by type, index limit $4) as of_type_place
              order by of_type_place.index limit $4) as place
          cross join lateral (
            select convert_from(entry, 'UTF8') as text from entries where index = place.index limit 1) as record
          order by place.index`,
        [[...new Set(types)], after, before, limit],
      );
      return rows.map(({ index, text }) => ({ index: BigInt(index), text }));
    },

    async count({ types, after, before }: StretchQuery): Promise<number> {
      const { rows } = await database.query<{ count: string }>(
        `select coalesce(sum(of_type_count.count), 0) as count
           from unnest($1::text[]) as wanted (of_type)
          cross join lateral (
            select count(*) as count from entries
             where type = of_type collate "C" and index > $2::bigint and index < $3::bigint) as of_type_count`,
        [[...new Set(types)], after, before],
      );
      return Number(rows[0]?.count ?? 0);
    },

    /** The newest place of any of these types, by the index over type and place; -1 where there is none. */
    async newest(types: readonly string[]): Promise<bigint> {
      const { rows } = await database.query<{ index: string }>(
        `select coalesce(max(of_type_newest.index), -1) as index
           from unnest($1::text[]) as wanted (of_type)
          cross join lateral (
            select entries.index from entries
             where type = of_type collate "C" order by type desc, index desc limit 1) as of_type_newest`,
        [[...new Set(types)]],
      );
      return BigInt(rows[0]?.index ?? -1);
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
