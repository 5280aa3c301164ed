import pg from 'pg';

/** Runs a statement as the superuser, bypassing every trigger: a change that the log must detect. */
export async function tamper(
  connection: pg.ClientConfig,
  sql: string,
  values: readonly unknown[] = [],
): Promise<pg.QueryResult> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    await client.query("set session_replication_role = 'replica'; set search_path = audit_log");
    return await client.query(sql, [...values]);
  } finally {
    await client.end();
  }
}

/** Saves every table of the log, so that {@link restoreLog} can restore it: a backup. */
export async function snapshotLog(connection: pg.ClientConfig, name: string): Promise<void> {
  const tables = await tablesOf(connection);
  const copies = tables.map((table) => `create table ${name}.${table} as table audit_log.${table};`);
  await tamper(connection, `drop schema if exists ${name} cascade; create schema ${name}; ${copies.join(' ')}`);
}

/** Restores a backup, in one transaction. */
export async function restoreLog(connection: pg.ClientConfig, name: string): Promise<void> {
  const tables = await tablesOf(connection);
  const copies = tables.map(
    (table) =>
      `delete from audit_log.${table}; insert into audit_log.${table} overriding system value table ${name}.${table};`,
  );
  await tamper(connection, `begin; ${copies.join(' ')} commit;`);
}

async function tablesOf(connection: pg.ClientConfig): Promise<readonly string[]> {
  const { rows } = await tamper(
    connection,
    `select relname from pg_class where relnamespace = 'audit_log'::regnamespace and relkind in ('r', 'p') and not relispartition`,
  );
  return rows.map(({ relname }: { relname: string }) => relname);
}
