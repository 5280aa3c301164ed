import { filledTables } from './filled-tables-store.ts';
import { inBulk, ownerPool } from './owner-pool.ts';

/** How much of one table the work so far has gone through. */
export interface TableReading {
  readonly table: string;
  /** Index entries and rows that were read, by whatever plan. */
  readonly rowsRead: number;
  /** Pages of the table and its indexes that were looked at. */
  readonly pages: number;
  readonly sequentialScans: number;
}

/** The database of a measured control plane, as the account that owns it. */
export interface OwnedDatabase {
  /** Inserts rows into every table of {@link filledTables} until each has got so many. */
  fill(rows: number, onProgress: (message: string) => void): Promise<void>;
  /** How many rows the filled tables hold, in the order in which they are filled. */
  rowCounts(): Promise<readonly { readonly table: string; readonly rows: number }[]>;
  /** Begins to count anew. */
  resetReadings(): Promise<void>;
  readings(): Promise<readonly TableReading[]>;
  /** Bytes of write-ahead log since the database was made. */
  walBytes(): Promise<number>;
  stop(): Promise<void>;
}

/** Rows of one statement: what is under way can be told, and no statement takes long. */
const slice = 250_000;
/** The log is not filled here, but it is on the way of everything. */
const readTables: readonly string[] = [...filledTables.map(({ table }) => table), 'audit_log.entries'];

export function openOwnedDatabase(url: string): OwnedDatabase {
  const pool = ownerPool(url);
  return {
    fill: (rows, onProgress) =>
      inBulk(pool, async () => {
        for (const { table, insert } of filledTables) {
          for (let from = 1; from <= rows; from += slice) {
            const to = Math.min(from + slice - 1, rows);
            onProgress(`${table}: ${to.toLocaleString('en-US')} of ${rows.toLocaleString('en-US')} rows`);
            await pool.query(insert, [from, to]);
          }
        }
      }),
    async rowCounts() {
      const counts = filledTables.map(({ table }, place) => `select ${place} as place, count(*) as rows from ${table}`);
      const { rows } = await pool.query<{ rows: string }>(`${counts.join(' union all ')} order by place`);
      return filledTables.map(({ table }, place) => ({ table, rows: Number(rows[place]?.rows) }));
    },
    async resetReadings() {
      await pool.query('select pg_stat_reset()');
    },
    async readings() {
      const { rows } = await pool.query<{ table: string; rows_read: string; pages: string; sequential_scans: string }>(
        `select t.schemaname || '.' || t.relname as table,
                t.seq_tup_read + (select coalesce(sum(i.idx_tup_read), 0) from pg_stat_user_indexes i where i.relid = t.relid) as rows_read,
                io.heap_blks_read + io.heap_blks_hit + coalesce(io.idx_blks_read + io.idx_blks_hit, 0) as pages,
                t.seq_scan as sequential_scans
           from pg_stat_user_tables t join pg_statio_user_tables io on io.relid = t.relid
          where t.schemaname || '.' || t.relname = any($1) order by 1`,
        [readTables],
      );
      return rows.map((row) => ({
        table: row.table,
        rowsRead: Number(row.rows_read),
        pages: Number(row.pages),
        sequentialScans: Number(row.sequential_scans),
      }));
    },
    async walBytes() {
      const { rows } = await pool.query<{ bytes: string }>(
        `select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as bytes`,
      );
      return Number(rows[0]?.bytes);
    },
    stop: () => pool.end(),
  };
}
