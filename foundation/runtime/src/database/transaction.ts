import type pg from 'pg';
import { databaseFailure, isDatabaseUnavailable } from './failure.ts';
import { whileHeld } from './held-pools.ts';

/** Channels to notify after the commit of a connection's transaction. */
const announced = new WeakMap<pg.ClientBase, Set<string>>();

/**
 * Notifies a channel after this transaction's commit. It is only a hint, because listeners also poll. It is not part of the
 * transaction: PostgreSQL has one notification queue for all roles, and a role that fills it must not make other roles' commits
 * fail.
 */
export function notifyAfterCommit(client: pg.ClientBase, channel: string): void {
  const channels = announced.get(client);
  if (channels === undefined) throw new Error(`a notification on ${channel} was asked for outside of a transaction`);
  channels.add(channel);
}

/**
 * Runs `work` in one transaction: committed when it resolves, rolled back when it rejects. A connection that may be broken or in
 * an unknown state is not reused. `work` must use this connection for everything it asks of the same database.
 *
 * @param options `single`: the process runs this work only once at a time, so it may use the pool for short requests on other
 * connections; a pool of two is then sufficient
 * @throws the error of `work`; database failures as CodedError `database_unavailable`. After that code it is unknown whether the
 * transaction was committed, because the connection can be lost during the commit.
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
    // PostgreSQL answers the commit of a failed transaction with a rollback and no error.
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
    // The caller already has the result; the connection is released after the notification.
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
