import type pg from 'pg';
import { databaseFailure, isDatabaseUnavailable } from './failure.ts';

/**
 * Runs `work` in one transaction: committed when it resolves, rolled back when it rejects. A connection that
 * may be broken, or in an unknown state, is not used again.
 *
 * @throws what `work` throws, with failures of the database as CodedError `database_unavailable`. After that
 *   code the transaction may or may not have been committed: the connection can be lost between the two.
 */
export async function transaction<Result>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  let client: pg.PoolClient;
  try {
    client = await pool.connect();
  } catch (error) {
    throw databaseFailure(error);
  }
  let discard = false;
  try {
    await client.query('begin');
    const result = await work(client);
    const end = await client.query('commit');
    // PostgreSQL answers a commit of a failed transaction with a rollback, and no error.
    if (end.command !== 'COMMIT')
      throw new Error('a statement failed inside the transaction and its error was ignored');
    return result;
  } catch (error) {
    discard = isDatabaseUnavailable(error);
    if (!discard)
      await client.query('rollback').catch(() => {
        discard = true;
      });
    throw databaseFailure(error);
  } finally {
    client.release(discard);
  }
}
