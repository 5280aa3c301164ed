import { numberPlace, streamPlace } from '../record-places.ts';
import { projecting, type Queryable, type TextRow, withIndex } from './queryable.ts';

export interface WatchedRecord {
  readonly index: bigint;
  readonly head: string;
  /** The whole record, only for the class that describes streams. */
  readonly body: string | null;
}

export interface StreamRun {
  readonly stream: string;
  readonly first: number;
  readonly last: number;
  readonly count: number;
  readonly sum: bigint;
  readonly place: bigint;
}

export interface StreamRuns {
  readonly runs: readonly StreamRun[];
  /** Milliseconds since the epoch. */
  readonly earliest: number;
  readonly latest: number;
}

const turn = 'streams';
/** Covers version, time, stream and number. */
const headBytes = 128;

/** SQL with which the owner of the database restarts the monitor. */
export const watchAgain = `update stream_monitor set through = -1, watched = '{}', seal = null`;

export function streamStore(database: Queryable) {
  return {
    ...projecting(database, turn),

    async watched(): Promise<
      { readonly through: bigint; readonly watched: unknown; readonly seal: Buffer | null } | undefined
    > {
      const { rows } = await database.query<{ through: string; watched: unknown; seal: Buffer | null }>(
        'select through, watched, seal from stream_monitor',
      );
      return rows.map(({ through, ...row }) => ({ through: BigInt(through), ...row }))[0];
    },

    /** @returns false if another node was faster */
    async keep(was: bigint, becomes: bigint, watched: string, seal: Buffer): Promise<boolean> {
      const { rows } = await database.query<{ kept: boolean | null }>(
        'select streams_were_watched($1, $2, $3, $4) as kept',
        [was, becomes, watched, seal],
      );
      return rows[0]?.kept === true;
    },

    /** -1 for an empty log. */
    async end(): Promise<bigint> {
      const { rows } = await database.query<{ last: string }>('select coalesce(max(index), -1) as last from entries');
      return BigInt(rows[0]?.last ?? -1);
    },

    /** Totals per stream. @returns undefined if one describes a stream or bodies were pruned: read the records then */
    async runs(after: bigint, through: bigint): Promise<StreamRuns | undefined> {
      const { rows } = await database.query<
        TextRow<StreamRun, 'sum' | 'place'> & { readonly earliest: number | null; readonly latest: number | null }
      >(
        `select encode(stream, 'escape') as stream, min(number)::float8 as first, max(number)::float8 as last,
                count(*)::float8 as count, sum(number) as sum, max(index) as place,
                -- Time never goes backwards along the log.
                (select recorded_at::float8 from entries where index = $1::bigint + 1) as earliest,
                (select recorded_at::float8 from entries where index = $2::bigint) as latest
           from (
             select index, substring(body from ${streamPlace.from} for ${streamPlace.length}) as stream,
                    split_part(convert_from(substring(body from ${numberPlace} for 17), 'UTF8'), ',', 1)::bigint as number
               from bodies
              where index > $1 and index <= $2 and class <> 'operation'
                and not exists (select from bodies where class = 'operation' and index > $1 and index <= $2)) as head
          group by stream`,
        [after, through],
      );
      const [{ earliest, latest } = { earliest: null, latest: null }] = rows;
      const runs = rows.map(({ earliest: _, latest: __, ...row }) => ({
        ...row,
        sum: BigInt(row.sum),
        place: BigInt(row.place),
      }));
      const bodies = runs.reduce((all, { count }) => all + BigInt(count), 0n);
      if (earliest === null || latest === null || bodies !== through - after) return undefined;
      return { runs, earliest, latest };
    },

    async records(after: bigint, through: bigint): Promise<readonly WatchedRecord[]> {
      const { rows } = await database.query<TextRow<WatchedRecord, 'index'>>(
        `select index, encode(substring(body from 1 for ${headBytes}), 'escape') as head,
                case when class = 'operation' then convert_from(body, 'UTF8') end as body
           from bodies where index > $1 and index <= $2 order by index`,
        [after, through],
      );
      return rows.map(withIndex);
    },

    /** 0 if there is none. */
    async lastNumber(stream: string, from: bigint): Promise<number> {
      const { rows } = await database.query<{ last: string | null }>(
        `select max(split_part(convert_from(substring(body from ${numberPlace} for 17), 'UTF8'), ',', 1)::bigint) as last
           from bodies where index >= $1 and substring(body from ${streamPlace.from} for ${streamPlace.length}) = $2`,
        [from, Buffer.from(stream)],
      );
      return Number(rows[0]?.last ?? 0);
    },

    /** Microseconds since the epoch. */
    async timeOfDatabase(): Promise<number> {
      const { rows } = await database.query<{ us: string }>(
        'select (extract(epoch from clock_timestamp()) * 1000000)::bigint as us',
      );
      return Number(rows[0]?.us);
    },
  };
}
