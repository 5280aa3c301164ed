import pg from 'pg';

/** Runs a statement as the superuser, past every trigger: what the log has to notice. */
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
