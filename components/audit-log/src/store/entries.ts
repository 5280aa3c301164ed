import type { RecordType } from '@countersign/contracts';
import { timePlace } from '../record-places.ts';
import type { Queryable } from './queryable.ts';

export interface StoredEntry {
  readonly index: bigint;
  readonly bytes: Buffer;
  readonly leafHash: Buffer;
  readonly recordId: string;
  /** Null where there is none: see `seals/entry-seals.ts`. */
  readonly seal: Buffer | null;
}

/** What tells whether an entry was appended by a process of the installation. */
export interface SealedEntry extends Omit<StoredEntry, 'bytes'> {
  /** Milliseconds since the epoch, where it has a column of its own; else as the log writes it. */
  readonly recordedAt: number | undefined;
  readonly time: string | undefined;
}

/** An entry with the columns by which it is found. Without bytes where its body has been pruned. */
export interface IndexedEntry {
  readonly index: bigint;
  readonly bytes: Buffer | undefined;
  readonly leafHash: Buffer;
  readonly recordId: string;
  readonly seal: Buffer | null;
  readonly type: string;
  readonly transaction: string | null;
  readonly mandate: string | null;
  /** The shard of its body; null where it was written before there were shards. */
  readonly class: string | null;
  /** Milliseconds since the epoch, where it has a column of its own. */
  readonly recordedAt: number | null;
}

/** What is left of an entry whose body has been pruned. */
export interface PrunedEntry {
  readonly bytes?: never;
  readonly index: bigint;
  readonly recordId: string;
  readonly leafHash: Buffer;
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

/** The body of an entry: from its shard, or from the row of the entry itself; null once it has been pruned. */
export const bodyOfEntry =
  'coalesce(entries.entry, (select body from bodies where bodies.class = entries.class and bodies.index = entries.index))';
/** Joined to `entries`: `kept.body`. Not flattened, so that a body that is asked about twice is looked up once. */
export const keptBody = `cross join lateral (select ${bodyOfEntry} as body offset 0) as kept`;

const found = 'entries.index, kept.body as entry, entries.leaf_hash, entries.record_id, entries.seal';
interface FoundRow {
  readonly index: string;
  readonly entry: Buffer;
  readonly leaf_hash: Buffer;
  readonly record_id: string;
  readonly seal: Buffer | null;
}

function entryOf(row: FoundRow): StoredEntry {
  return {
    index: BigInt(row.index),
    bytes: row.entry,
    leafHash: row.leaf_hash,
    recordId: row.record_id,
    seal: row.seal,
  };
}

/** Records whose places are looked through at once for the few whose bodies are still there. */
const strideOverPruned = 20_000;

/** The entries. Reads do not find an entry whose body was pruned, unless the function states otherwise. */
export function entryStore(database: Queryable) {
  async function scanOnce({
    types,
    after,
    before,
    limit,
    stride,
  }: StretchQuery & { readonly limit: number; readonly stride: number }): Promise<{
    readonly found: readonly { readonly index: bigint; readonly text: string }[];
    /** Where to look on; undefined when there is no more. */
    readonly next: bigint | undefined;
  }> {
    // Places first, from the index over type and place alone; only the records that are wanted are then read.
    const { rows } = await database.query<{ index: string; text: string | null }>(
      `with place as materialized (
         select of_type_place.index
           from unnest($1::text[]) as wanted (of_type)
          cross join lateral (
            select entries.index from entries
             where (type, index) > (of_type collate "C", $2::bigint)
               and (type, index) < (of_type collate "C", $3::bigint)
             order by type, index limit $5) as of_type_place
          order by of_type_place.index limit $5),
       record as (
         select place.index, convert_from(kept.body, 'UTF8') as text
           from place
          cross join lateral (select ${bodyOfEntry} as body from entries where entries.index = place.index limit 1) as kept
          where kept.body is not null
          order by place.index limit $4)
       select index, text from record
       union all
       select max(index), null from place having count(*) = $5
       order by index, text nulls last`,
      [[...new Set(types)], after, before, limit, stride],
    );
    const texts = rows.flatMap(({ index, text }) => (text === null ? [] : [{ index: BigInt(index), text }]));
    const last = rows.find(({ text }) => text === null);
    return { found: texts, next: last === undefined ? undefined : BigInt(last.index) };
  }

  return {
    async size(): Promise<bigint> {
      const { rows } = await database.query<{ size: string }>(
        'select coalesce(max(index) + 1, 0) as size from entries',
      );
      return BigInt(rows[0]?.size ?? 0);
    },

    /** Entries from a place on with what their seals are over, and their times in milliseconds or as the log writes it. */
    async sealedEntries(first: bigint, limit: number): Promise<readonly SealedEntry[]> {
      const { rows } = await database.query<{
        index: string;
        record_id: string;
        leaf_hash: Buffer;
        seal: Buffer | null;
        recorded_at: string | null;
        time: Buffer | null;
      }>({
        name: 'audit-log-sealed-entries',
        text: `select index, record_id, leaf_hash, seal, recorded_at,
                      case when recorded_at is null then substring(entry from ${timePlace.from} for ${timePlace.length}) end as time
                 from entries where index >= $1 order by index limit $2`,
        values: [first, limit],
      });
      return rows.map((row) => ({
        index: BigInt(row.index),
        recordId: row.record_id,
        leafHash: row.leaf_hash,
        seal: row.seal,
        recordedAt: row.recorded_at === null ? undefined : Number(row.recorded_at),
        time: row.time?.toString(),
      }));
    },

    /** Entries before this place were appended before there were seals. */
    async unsealedBefore(): Promise<bigint> {
      const { rows } = await database.query<{ before: string }>('select before from unsealed_entries');
      return BigInt(rows[0]?.before ?? 0);
    },

    async byRecordIds(ids: readonly string[]): Promise<readonly StoredEntry[]> {
      const { rows } = await database.query<FoundRow>(
        `select ${found} from entries ${keptBody}
          where record_id = any($1) and kept.body is not null order by entries.index`,
        [ids],
      );
      return rows.map(entryOf);
    },

    /** Those of these ids that the log has, pruned ones too. */
    async known(
      ids: readonly string[],
    ): Promise<readonly { readonly index: bigint; readonly bytes: Buffer | undefined; readonly recordId: string }[]> {
      const { rows } = await database.query<{ index: string; entry: Buffer | null; record_id: string }>(
        `select entries.index, ${bodyOfEntry} as entry, record_id from entries where record_id = any($1)`,
        [ids],
      );
      return rows.map((row) => ({
        index: BigInt(row.index),
        bytes: row.entry ?? undefined,
        recordId: row.record_id,
      }));
    },

    /** The versions of these mandates, in the order of the log. */
    async ofMandates(mandates: readonly string[], limit: number): Promise<readonly StoredEntry[]> {
      const { rows } = await database.query<FoundRow>(
        `select ${found} from entries ${keptBody}
          where mandate = any($1) and kept.body is not null order by entries.index limit $2`,
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
          ? `select ${found} from entries ${keptBody}
              where entries.index > $1${ofTransaction} and kept.body is not null order by entries.index limit $2`
          : `select index, entry, leaf_hash, record_id, seal from unnest($${values.push([...new Set(types)])}::text[]) as wanted (of_type)
               cross join lateral (
                 select ${found} from entries ${keptBody}
                  where (type, entries.index) > (of_type collate "C", $1::bigint)
                    and (type, entries.index) <= (of_type collate "C", 9223372036854775807)${ofTransaction}
                    and kept.body is not null
                  order by type, entries.index limit $2) as entry
              order by index limit $2`;
      const { rows } = await database.query<FoundRow>(text, values);
      return rows.map(entryOf);
    },

    /**
     * The first place whose record has this time or a later one; the size of the log when none has. Times never go
     * backwards along the log, so twenty rows tell it of a million. Pruned records count.
     *
     * @param time as the log writes it, and in milliseconds since the epoch
     * @returns undefined when a row is gone that had to be looked at
     */
    async placeOfTime(time: string, milliseconds: number): Promise<bigint | undefined> {
      const { rows } = await database.query<{ place: string }>(
        `with recursive narrowing (low, high) as (
           select 0::bigint, (select coalesce(max(index) + 1, 0) from entries)
           union all
           select case when earlier then middle + 1 else low end, case when earlier then high else middle end
             from narrowing
            cross join lateral (select (low + high) / 2 as middle) as half
            cross join lateral (
              select case when recorded_at is not null then recorded_at < $2::bigint
                     else substring(entry from ${timePlace.from} for ${timePlace.length}) < convert_to($1, 'UTF8') end as earlier
                from entries where index = middle) as probed
            where low < high
         )
         select low as place from narrowing where low = high`,
        [time, milliseconds],
      );
      return rows[0] === undefined ? undefined : BigInt(rows[0].place);
    },

    /** Records of these types behind one place and before another, as text, in the order of the log. */
    async scan({ limit, ...stretch }: StretchQuery & { readonly limit: number }) {
      const all: { readonly index: bigint; readonly text: string }[] = [];
      let { after } = stretch;
      // A page is short only at the end: where records have been pruned, the look goes on in wider strides.
      for (let stride = limit; ; stride = Math.max(limit, strideOverPruned)) {
        const { found: texts, next } = await scanOnce({ ...stretch, after, limit: limit - all.length, stride });
        all.push(...texts);
        if (next === undefined || all.length >= limit) return all;
        after = next;
      }
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

    /** Of these, the entries whose bodies have been pruned: those of a transaction, or of some ids. */
    async pruned(
      of: { readonly transaction: string } | { readonly recordIds: readonly string[] },
      limit: number,
    ): Promise<readonly PrunedEntry[]> {
      const [which, value] =
        'transaction' in of ? ['transaction = $1', of.transaction] : ['record_id = any($1)', of.recordIds];
      const { rows } = await database.query<{ index: string; record_id: string; leaf_hash: Buffer }>(
        `select entries.index, record_id, leaf_hash from entries ${keptBody}
          where ${which} and kept.body is null order by entries.index limit $2`,
        [value, limit],
      );
      return rows.map((row) => ({ index: BigInt(row.index), recordId: row.record_id, leafHash: row.leaf_hash }));
    },

    /** Entries with all their columns from a place on, pruned ones too. */
    async range(first: bigint, count: number): Promise<readonly IndexedEntry[]> {
      const { rows } = await database.query<{
        index: string;
        entry: Buffer | null;
        leaf_hash: Buffer;
        record_id: string;
        type: string;
        transaction: string | null;
        mandate: string | null;
        class: string | null;
        recorded_at: string | null;
        seal: Buffer | null;
      }>(
        `select entries.index, ${bodyOfEntry} as entry, leaf_hash, record_id, seal, type, transaction, mandate, class, recorded_at
           from entries where index >= $1 order by index limit $2`,
        [first, count],
      );
      return rows.map((row) => ({
        index: BigInt(row.index),
        bytes: row.entry ?? undefined,
        leafHash: row.leaf_hash,
        recordId: row.record_id,
        seal: row.seal,
        type: row.type,
        transaction: row.transaction,
        mandate: row.mandate,
        class: row.class,
        recordedAt: row.recorded_at === null ? null : Number(row.recorded_at),
      }));
    },
  };
}
