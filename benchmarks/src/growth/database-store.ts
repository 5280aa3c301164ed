import type { OwnerConnection } from '@countersign/runtime';
import { filledTables } from './filled-tables-store.ts';
import { inBulk, ownerPool } from './owner-pool.ts';

export interface TableReading {
  readonly table: string;
  /** Rows and index entries that were read, by any plan. */
  readonly rowsRead: number;
  readonly sequentialScans: number;
}

export type OwnedDatabase = ReturnType<typeof openOwnedDatabase>;

/** Rows per statement, so that progress is visible and no statement takes long. */
const slice = 250_000;
/** The log is not filled here, but every request uses it. */
const readTables: readonly string[] = [...filledTables.map(({ table }) => table), 'audit_log.entries'];

/** The database of a measured control plane, with the account that owns it. */
export function openOwnedDatabase(database: string | OwnerConnection) {
  const pool = ownerPool(database);
  return {
    /** Inserts this many rows into every table of {@link filledTables}. */
    fill: (rows: number, onProgress: (message: string) => void): Promise<void> =>
      inBulk(pool, async () => {
        for (const { table, insert } of filledTables) {
          for (let from = 1; from <= rows; from += slice) {
            const to = Math.min(from + slice - 1, rows);
            onProgress(`${table}: ${to.toLocaleString('en-US')} of ${rows.toLocaleString('en-US')} rows`);
            await pool.query(insert, [from, to]);
          }
        }
      }),
    /** Rows of the filled tables, in the order in which they are filled. */
    async rowCounts(): Promise<readonly { readonly table: string; readonly rows: number }[]> {
      const counts = filledTables.map(({ table }, place) => `select ${place} as place, count(*) as rows from ${table}`);
      const { rows } = await pool.query<{ rows: string }>(`${counts.join(' union all ')} order by place`);
      return filledTables.map(({ table }, place) => ({ table, rows: Number(rows[place]?.rows) }));
    },
    async resetReadings(): Promise<void> {
      await pool.query('select pg_stat_reset()');
    },
    async readings(): Promise<readonly TableReading[]> {
      const { rows } = await pool.query<{ table: string; rows_read: string; sequential_scans: string }>(
        `select t.schemaname || '.' || t.relname as table,
                t.seq_tup_read + (select coalesce(sum(i.idx_tup_read), 0) from pg_stat_user_indexes i where i.relid = t.relid) as rows_read,
                t.seq_scan as sequential_scans
           from pg_stat_user_tables t
          where t.schemaname || '.' || t.relname = any($1) order by 1`,
        [readTables],
      );
      return rows.map((row) => ({
        table: row.table,
        rowsRead: Number(row.rows_read),
        sequentialScans: Number(row.sequential_scans),
      }));
    },
    /** Bytes of write-ahead log since the database was created. */
    async walBytes(): Promise<number> {
      const { rows } = await pool.query<{ bytes: string }>(
        `select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as bytes`,
      );
      return Number(rows[0]?.bytes);
    },
    stop: (): Promise<void> => pool.end(),
  };
}
