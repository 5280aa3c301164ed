import { componentPool, type OwnerConnection } from '@countersign/runtime';
import type pg from 'pg';
import { urlOf } from '../servers/measured-server.ts';

/** Connections to a measured database, with the account that owns it. */
export function ownerPool(database: string | OwnerConnection, maxConnections = 1): pg.Pool {
  const url = typeof database === 'string' ? database : urlOf(database);
  const { username, password } = new URL(url);
  return componentPool({
    database: { connection: { url }, rolesSecret: { passwordOf: () => password, fingerprint: '' } },
    role: username,
    schema: 'public',
    applicationName: 'countersign-benchmark',
    maxConnections,
    statementTimeoutMs: 300_000,
    // Filling tables is not measured.
    synchronousCommit: 'off',
  });
}

/** Inserts many rows, then updates the statistics and writes all pages to disk. */
export async function inBulk(pool: pg.Pool, insert: () => Promise<void>): Promise<void> {
  // With a small max_wal_size, checkpoints would write every page repeatedly.
  const settings = { max_wal_size: '4GB', work_mem: '128MB' };
  for (const [name, value] of Object.entries(settings)) await pool.query(`alter system set ${name} = '${value}'`);
  await pool.query('select pg_reload_conf()');
  await insert();
  for (const name of Object.keys(settings)) await pool.query(`alter system reset ${name}`);
  await pool.query('select pg_reload_conf()');
  await analyseAndCheckpoint(pool);
}

/** As in a database that has been in use for a while. */
export async function analyseAndCheckpoint(pool: pg.Pool): Promise<void> {
  await pool.query('vacuum (analyze)');
  await pool.query('checkpoint');
}

/** Every machine has at least two cores. */
const atOnce = 2;

/** Runs work for the rows from `first` on in slices, so that progress is visible and no statement takes long. */
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
