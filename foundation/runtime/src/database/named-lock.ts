import type pg from 'pg';

/**
 * Locks by name that only the component's own role can take: rows of the table `named_locks`, which every schema of a
 * component has. An advisory lock of PostgreSQL could be taken by any role that may connect.
 */

/** Waits until nobody else has the lock of this name, and keeps it until the transaction ends. */
export async function takeNamedLock(session: Pick<pg.ClientBase, 'query'>, name: string): Promise<void> {
  await session.query({
    name: 'named-lock-take',
    text: 'insert into named_locks (name) values ($1) on conflict (name) do update set name = excluded.name',
    values: [name],
  });
}

/** The same without waiting, for a lock that a migration has put there. @returns false while somebody else has it */
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
