import { componentPool } from '@countersign/runtime';
import type pg from 'pg';

/** Connections to a measured database, as the account that owns it. */
export function ownerPool(url: string, maxConnections = 1): pg.Pool {
  const { username, password } = new URL(url);
  return componentPool({
    database: { connection: { url }, rolesSecret: { passwordOf: () => password, fingerprint: '' } },
    role: username,
    schema: 'public',
    applicationName: 'countersign-benchmark',
    maxConnections,
    statementTimeoutMs: 300_000,
    // Filling is not what is measured.
    synchronousCommit: 'off',
  });
}

/** Fills tables by statements that insert many rows; afterwards plans know of them, and the pages are on the disk. */
export async function inBulk(pool: pg.Pool, insert: () => Promise<void>): Promise<void> {
  // Checkpoints on the way would write every page over and over.
  await pool.query(`alter system set max_wal_size = '4GB'`);
  await pool.query(`alter system set work_mem = '128MB'`);
  await pool.query('select pg_reload_conf()');
  await insert();
  await pool.query('alter system reset max_wal_size');
  await pool.query('alter system reset work_mem');
  await pool.query('select pg_reload_conf()');
  await pool.query('vacuum (analyze)');
  await pool.query('checkpoint');
}

/** Two at once, as a machine has two cores at least. */
const atOnce = 2;

/** Does this for the rows from `first` on, slice by slice: what is under way can be told, and no statement takes long. */
export async function inSlices(
  rows: { readonly first: number; readonly count: number; readonly slice: number },
  work: (from: number, to: number) => Promise<void>,
): Promise<void> {
  const { first, count, slice } = rows;
  let next = first;
  const worker = async (): Promise<void> => {
    while (next < first + count) {
      const from = next;
      next += slice;
      await work(from, Math.min(next, first + count) - 1);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
