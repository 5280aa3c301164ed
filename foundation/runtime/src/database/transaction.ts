import type pg from 'pg';
import { databaseFailure, isDatabaseUnavailable } from './failure.ts';
import { whileHeld } from './held-pools.ts';

/** Channels to notify once the transaction of a connection has been committed. */
const announced = new WeakMap<pg.ClientBase, Set<string>>();

/**
 * Wakes up whoever listens on this channel, after this transaction has been committed. Listeners poll as well, so it is
 * a wake-up and no more. It is no part of the transaction: PostgreSQL has one queue of notifications for all roles, and
 * a role that fills it must not make the commits of others fail.
 */
export function notifyAfterCommit(client: pg.ClientBase, channel: string): void {
  const channels = announced.get(client);
  if (channels === undefined) throw new Error(`a notification on ${channel} was asked for outside of a transaction`);
  channels.add(channel);
}

/**
 * Runs `work` in one transaction: committed when it resolves, rolled back when it rejects. A connection that
 * may be broken, or in an unknown state, is not used again. What `work` asks of the same database it asks by this connection.
 *
 * @param options `single`: a process runs this work once at a time, so that it may ask the pool for what holds no connection for long:
 *   a pool of two is enough
 * @throws what `work` throws, with failures of the database as CodedError `database_unavailable`. After that
 *   code the transaction may or may not have been committed: the connection can be lost between the two.
 */
export async function transaction<Result>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<Result>,
  { single = false }: { readonly single?: boolean } = {},
): Promise<Result> {
  let client: pg.PoolClient;
  try {
    client = await pool.connect();
  } catch (error) {
    throw databaseFailure(error);
  }
  let discard = false;
  let notifying: Promise<void> | undefined;
  const channels = new Set<string>();
  try {
    announced.set(client, channels);
    await client.query('begin');
    const result = await (single ? work(client) : whileHeld(pool, () => work(client)));
    const end = await client.query('commit');
    // PostgreSQL answers a commit of a failed transaction with a rollback, and no error.
    if (end.command !== 'COMMIT')
      throw new Error('a statement failed inside the transaction and its error was ignored');
    if (channels.size > 0) notifying = notify(client, [...channels]);
    return result;
  } catch (error) {
    discard = isDatabaseUnavailable(error);
    if (!discard)
      await client.query('rollback').catch(() => {
        discard = true;
      });
    throw databaseFailure(error);
  } finally {
    announced.delete(client);
    // The caller has its result already; the connection is free when the notification is out.
    if (notifying === undefined) client.release(discard);
    else
      void notifying.then(
        () => client.release(),
        () => client.release(true),
      );
  }
}

async function notify(client: pg.ClientBase, channels: readonly string[]): Promise<void> {
  await client.query("select pg_notify(channel, '') from unnest($1::text[]) as channel", [channels]);
}
