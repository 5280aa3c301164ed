import type pg from 'pg';

/**
 * Named locks that only the component's own role can take: rows of the table `named_locks` in the component's schema. A
 * PostgreSQL advisory lock could be taken by any role that may connect.
 */

/** Waits for the lock of this name and holds it until the transaction ends. */
export async function takeNamedLock(session: Pick<pg.ClientBase, 'query'>, name: string): Promise<void> {
  await session.query({
    name: 'named-lock-take',
    text: 'insert into named_locks (name) values ($1) on conflict (name) do update set name = excluded.name',
    values: [name],
  });
}

/**
 * As {@link takeNamedLock} without waiting, for a lock whose row a migration created. @returns false while another session holds
 * it
 */
export async function tryNamedLock(session: Pick<pg.ClientBase, 'query'>, name: string): Promise<boolean> {
  const { rowCount } = await session.query({
    name: 'named-lock-try',
    text: 'select from named_locks where name = $1 for update skip locked',
    values: [name],
  });
  if (rowCount === 1) return true;
  const { rowCount: there } = await session.query({
    name: 'named-lock-there',
    text: 'select from named_locks where name = $1',
    values: [name],
  });
  if (there !== 1) throw new Error(`no migration has made the named lock ${name}`);
  return false;
}
