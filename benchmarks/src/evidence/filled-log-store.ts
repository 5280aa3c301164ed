import { createHmac, hkdfSync } from 'node:crypto';
import type pg from 'pg';
import { mapMembers } from '../measure.ts';
import { type FilledMarket, kindOf, kinds, orderOf, streamOfFilled, termsOfKind, valuesOf } from './filled-market.ts';
import { entrySealKey, logOrigin } from './product-log.ts';

/** Tables of the log, with everything that belongs to them. */
const tables = ['entries', 'bodies', 'tiles', 'terms', 'protected_values', 'checkpoints'] as const;
export type LogTable = (typeof tables)[number];

export interface FilledStretch {
  readonly market: FilledMarket;
  readonly first: number;
  /** Time of the first and of the last, in milliseconds since the epoch. */
  readonly from: number;
  readonly until: number;
}

/** The rule of the filled terms. If the log uses another one, it draws the terms itself, more slowly. */
const termRule = 1;
/** Records that the log draws in one go. */
const termPage = 2_048;

/** Fills and reads the tables of the log, with the account that owns the database. */
export function filledLogStore(owner: pg.Pool) {
  return {
    /** Inserts the records numbered so, both inclusive, with their bodies, as the log would have written them. */
    async insertRecords({ market, first, from, until }: FilledStretch, numbers: readonly [number, number]) {
      const msARecord = (until - from) / market.records;
      const byKind = (of: (kind: (typeof kinds)[number]) => string): string =>
        `case k ${kinds.map((kind, k) => `when ${k} then ${of(kind)}`).join(' ')} end`;
      await owner.query(
        `with item as materialized (
           select n + ${first} as index, v.rec as id, ${byKind(({ type }) => `'${type}'`)} as type,
                  ${byKind((kind) => `'${kind.class}'`)} as class, r.at,
                  ${byKind(({ columns }) => (columns.transaction ? 'v.txn' : 'null'))} as transaction,
                  ${byKind(({ columns }) => (columns.mandate ? 'v.mandate' : 'null'))} as mandate,
                  convert_to('{"v":2,"time":"' || to_char(to_timestamp(r.at / 1000.0) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
                    || '","stream":"${streamOfFilled}","number":' || n + 1 || ',' || ${byKind(({ text }) => text)}, 'UTF8') as body
             from generate_series($1::bigint, $2::bigint) as n
            cross join lateral (select ${kindOf(market)} as k, ${orderOf(market)} as o, ${from}::bigint + floor(n * ${msARecord})::bigint as at offset 0) as r
            cross join lateral (select ${valuesOf(market)}) as v),
         kept as (insert into audit_log.bodies (class, index, body) select class, index, body from item)
         insert into audit_log.entries (index, record_id, type, transaction, mandate, leaf_hash, seal, class, recorded_at)
         select index, id, type, transaction, mandate, leaf_hash, ${entrySealSql({ index: 'index', leafHash: 'leaf_hash', id: 'id' })}, class, at
           from item cross join lateral (select sha256('\\x00'::bytea || body) as leaf_hash offset 0) as leaf order by index`,
        [...numbers],
      );
    },

    /** Leaf hashes one after the other, from a place on. */
    async leafHashes(first: bigint, count: number): Promise<Buffer> {
      const { rows } = await owner.query<{ hashes: Buffer }>(
        `select string_agg(leaf_hash, ''::bytea order by index) as hashes from audit_log.entries where index >= $1 and index < $1::bigint + $2`,
        [first, count],
      );
      return rows[0]?.hashes ?? Buffer.alloc(0);
    },

    /** Full tiles of a level that follow one another. */
    async insertTiles(level: number, first: bigint, hashes: Buffer, roots: Buffer): Promise<void> {
      await owner.query(
        `insert into audit_log.tiles (level, index, hashes, root)
         select $1, $2::bigint + n, substring($3::bytea from n * 8192 + 1 for 8192), substring($4::bytea from n * 32 + 1 for 32)
           from generate_series(0, octet_length($4::bytea) / 32 - 1) as n`,
        [level, first, hashes, roots],
      );
    },

    /** Streams are watched from here on: those before have been closed. */
    async beginWatching(): Promise<void> {
      await owner.query(
        `update audit_log.stream_monitor set through = (select max(index) from audit_log.entries), watched = '{}', seal = null`,
      );
    },

    async size(): Promise<number> {
      const { rows } = await owner.query<{ size: string }>(
        'select coalesce(max(index) + 1, 0) as size from audit_log.entries',
      );
      return Number(rows[0]?.size);
    },

    /** Makes room for the terms of everything; their index comes when they are there. */
    async beginTerms(): Promise<void> {
      await owner.query('truncate audit_log.terms');
      await owner.query('alter table audit_log.terms drop constraint terms_pkey');
    },

    /** Inserts the terms of the records numbered so, a page of the index at a time, as the log draws them. */
    async insertTerms({ market, first }: FilledStretch, numbers: readonly [number, number]): Promise<void> {
      await owner.query(
        `insert into audit_log.terms (term, first, others)
         select term, places[1], case when cardinality(places) > 1 then
                  (select array_agg((place - places[1])::smallint order by place) from unnest(places[2:]) as place) end
           from (
             select ('x' || encode(substring(sha256(convert_to('${termRule} ' || text, 'UTF8')) for 8), 'hex'))::bit(64)::bigint as term,
                    array_agg(n + ${first} order by n) as places
               from generate_series($1::bigint, $2::bigint) as n
              cross join lateral (select ${kindOf(market)} as k, ${orderOf(market)} as o offset 0) as r
              cross join lateral (select ${valuesOf(market)}) as v
              cross join lateral unnest(${termsOfKind}) as text
              group by n / ${termPage}, 1) as page
          order by term`,
        [...numbers],
      );
    },

    /** Builds the index of the terms, and says that they are indexed. */
    async endTerms({ market, first }: FilledStretch): Promise<void> {
      await owner.query('alter table audit_log.terms add primary key (term, first)');
      await owner.query(
        `insert into audit_log.terms_drawn (rule, size, seal) values ($1, $2, $3)
         on conflict (rule) do update set size = excluded.size, seal = excluded.seal`,
        [termRule, first + market.records, termsSeal(termRule, first + market.records)],
      );
    },

    async indexed(): Promise<number> {
      const { rows } = await owner.query<{ indexed: string }>(
        'select coalesce(max(size), 0) as indexed from audit_log.terms_drawn',
      );
      return Number(rows[0]?.indexed);
    },

    /** Size of each table on disk, with its indexes. */
    async bytes(): Promise<Readonly<Record<LogTable, number>>> {
      const { rows } = await owner.query<Record<LogTable, string>>(
        `select ${tables.map((table) => `(select sum(pg_total_relation_size(relid)) from pg_partition_tree('audit_log.${table}')) as ${table}`).join(', ')}`,
      );
      const [row] = rows;
      if (row === undefined) throw new Error('tables without a size');
      return mapMembers(row, Number);
    },
  };
}

// As the processes of an installation seal what they write: see `seals/entry-seals.ts` of the audit log.

const keyOf = (use: string): Buffer =>
  Buffer.from(hkdfSync('sha256', entrySealKey, new Uint8Array(), `${use}\n${logOrigin}`, 32));

/** The seal of an entry, in SQL: HMAC (RFC 2104) over place, leaf hash and record id. */
export function entrySealSql({ index, leafHash, id }: Readonly<Record<'index' | 'leafHash' | 'id', string>>): string {
  const key = keyOf('entry-seal');
  const pad = (byte: number): string => {
    const padded = Buffer.alloc(64, byte);
    for (const [at, of] of key.entries()) padded.writeUInt8(of ^ byte, at);
    return `'\\x${padded.toString('hex')}'::bytea`;
  };
  const message = `convert_to(lpad(to_hex(${index}), 16, '0'), 'UTF8') || ${leafHash} || convert_to(${id}, 'UTF8')`;
  return `sha256(${pad(0x5c)} || sha256(${pad(0x36)} || ${message}))`;
}

/** The seal of the size up to which terms have been indexed. */
export function termsSeal(rule: number, size: number): Buffer {
  return createHmac('sha256', keyOf('mark-seal')).update(`terms ${rule}\n${size}`).digest();
}
