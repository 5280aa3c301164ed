import type { RecordType } from '@countersign/contracts';
import { timePlace } from '../record-places.ts';
import { type Queryable, type TextRow, withIndex } from './queryable.ts';

export interface StoredEntry {
  readonly index: bigint;
  readonly bytes: Buffer;
  readonly leafHash: Buffer;
  readonly recordId: string;
  /** Null for entries older than the seals. */
  readonly seal: Buffer | null;
}

export interface SealedEntry extends Omit<StoredEntry, 'bytes'> {
  /** Null for entries older than the column; then `time` is set. */
  readonly recordedAt: number | null;
  readonly time: string | null;
}

/** An entry with the columns by which it is found; without bytes if pruned. */
export interface IndexedEntry extends Omit<StoredEntry, 'bytes'> {
  readonly bytes: Buffer | undefined;
  readonly type: string;
  readonly transaction: string | null;
  readonly mandate: string | null;
  /** Null for entries older than the shards. */
  readonly class: string | null;
  /** Milliseconds since the epoch, if the column is set. */
  readonly recordedAt: number | null;
}

export interface PrunedEntry {
  readonly bytes?: never;
  readonly index: bigint;
  readonly recordId: string;
  readonly leafHash: Buffer;
}

export interface EntryQuery {
  readonly transaction?: string | undefined;
  /** Every type if absent. */
  readonly types?: readonly RecordType[] | undefined;
  readonly after: bigint;
  readonly limit: number;
}

/** Both exclusive. */
export interface StretchQuery {
  readonly types: readonly RecordType[];
  readonly after: bigint;
  readonly before: bigint;
}

/** From its shard, or from the row of the entry; null once pruned. */
export const bodyOfEntry =
  'coalesce(entries.entry, (select body from bodies where bodies.class = entries.class and bodies.index = entries.index))';
/** `offset 0` prevents flattening, so that a body used twice is read once. */
export const keptBody = `cross join lateral (select ${bodyOfEntry} as body offset 0) as kept`;

/** Columns of a {@link StoredEntry}, with {@link keptBody}. */
export const storedEntry =
  'entries.index, kept.body as bytes, entries.leaf_hash as "leafHash", entries.record_id as "recordId", entries.seal';

/** Places searched at once where bodies have been pruned. */
const strideOverPruned = 20_000;

/** Pruned entries are not found unless the function says so. */
export function entryStore(database: Queryable) {
  async function scanOnce({
    types,
    after,
    before,
    limit,
    stride,
  }: StretchQuery & { readonly limit: number; readonly stride: number }): Promise<{
    readonly found: readonly { readonly index: bigint; readonly text: string }[];
    /** Where to continue; undefined at the end. */
    readonly next: bigint | undefined;
  }> {
    // Places first, from the index alone; only wanted records are then read.
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

    async sealedEntries(first: bigint, limit: number): Promise<readonly SealedEntry[]> {
      const { rows } = await database.query<TextRow<SealedEntry, 'index'>>({
        name: 'audit-log-sealed-entries',
        text: `select index, record_id as "recordId", leaf_hash as "leafHash", seal, recorded_at::float8 as "recordedAt",
                      case when recorded_at is null then encode(substring(entry from ${timePlace.from} for ${timePlace.length}), 'escape') end as time
                 from entries where index >= $1 order by index limit $2`,
        values: [first, limit],
      });
      return rows.map(withIndex);
    },

    /** Entries before this place are older than the seals. */
    async unsealedBefore(): Promise<bigint> {
      const { rows } = await database.query<{ before: string }>('select before from unsealed_entries');
      return BigInt(rows[0]?.before ?? 0);
    },

    async byRecordIds(ids: readonly string[]): Promise<readonly StoredEntry[]> {
      const { rows } = await database.query<TextRow<StoredEntry, 'index'>>(
        `select ${storedEntry} from entries ${keptBody}
          where record_id = any($1) and kept.body is not null order by entries.index`,
        [ids],
      );
      return rows.map(withIndex);
    },

    /** Pruned ones too. */
    async known(ids: readonly string[]): Promise<readonly Pick<IndexedEntry, 'index' | 'bytes' | 'recordId'>[]> {
      const { rows } = await database.query<{ index: string; body: Buffer | null; recordId: string }>(
        `select entries.index, ${bodyOfEntry} as body, record_id as "recordId" from entries where record_id = any($1)`,
        [ids],
      );
      return rows.map(withBytes);
    },

    async ofMandates(mandates: readonly string[], limit: number): Promise<readonly StoredEntry[]> {
      const { rows } = await database.query<TextRow<StoredEntry, 'index'>>(
        `select ${storedEntry} from entries ${keptBody}
          where mandate = any($1) and kept.body is not null order by entries.index limit $2`,
        [mandates, limit],
      );
      return rows.map(withIndex);
    },

    async search({ transaction, types, after, limit }: EntryQuery): Promise<readonly StoredEntry[]> {
      const values: unknown[] = [after, limit];
      const ofTransaction = transaction === undefined ? '' : ` and transaction = $${values.push(transaction)}`;
      // One index range per type: a follower of rare types pays only for new records of these. Comparing type and place
      // as one keeps the planner on that index; by place alone a million records take seconds.
      const text =
        types === undefined
          ? `select ${storedEntry} from entries ${keptBody}
              where entries.index > $1${ofTransaction} and kept.body is not null order by entries.index limit $2`
          : `select entry.* from unnest($${values.push([...new Set(types)])}::text[]) as wanted (of_type)
               cross join lateral (
                 select ${storedEntry} from entries ${keptBody}
                  where (type, entries.index) > (of_type collate "C", $1::bigint)
                    and (type, entries.index) <= (of_type collate "C", 9223372036854775807)${ofTransaction}
                    and kept.body is not null
                  order by type, entries.index limit $2) as entry
              order by index limit $2`;
      const { rows } = await database.query<TextRow<StoredEntry, 'index'>>(text, values);
      return rows.map(withIndex);
    },

    /** Binary search; pruned records count. @param milliseconds since the epoch @returns undefined if a row is missing */
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

    /** Records as text, in log order. */
    async scan({ limit, ...stretch }: StretchQuery & { readonly limit: number }) {
      const all: { readonly index: bigint; readonly text: string }[] = [];
      let { after } = stretch;
      // A page is short only at the end.
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

    /** -1 if there is none. */
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

    async pruned(
      of: { readonly transaction: string } | { readonly recordIds: readonly string[] },
      limit: number,
    ): Promise<readonly PrunedEntry[]> {
      const [which, value] =
        'transaction' in of ? ['transaction = $1', of.transaction] : ['record_id = any($1)', of.recordIds];
      const { rows } = await database.query<TextRow<PrunedEntry, 'index'>>(
        `select entries.index, record_id as "recordId", leaf_hash as "leafHash" from entries ${keptBody}
          where ${which} and kept.body is null order by entries.index limit $2`,
        [value, limit],
      );
      return rows.map(withIndex);
    },

    /** Pruned ones too. */
    async range(first: bigint, count: number): Promise<readonly IndexedEntry[]> {
      const { rows } = await database.query<TextRow<Omit<IndexedEntry, 'bytes'>, 'index'> & { body: Buffer | null }>(
        `select entries.index, ${bodyOfEntry} as body, leaf_hash as "leafHash", record_id as "recordId", seal, type, transaction,
                mandate, class, recorded_at::float8 as "recordedAt"
           from entries where index >= $1 order by index limit $2`,
        [first, count],
      );
      return rows.map(withBytes);
    },
  };
}

function withBytes<Row extends { readonly index: string; readonly body: Buffer | null }>({ body, ...row }: Row) {
  return { ...withIndex(row), bytes: body ?? undefined };
}
