import type pg from 'pg';

/**
 * Settings that every connection makes at its start. A role can preset settings for its own later connections (`alter role ...
 * set`), and so can the owner of the database; start-up options override both.
 */
const always: Readonly<Record<string, string>> = {
  synchronous_commit: 'on',
  row_security: 'on',
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  // A session that only listens is not ended for being idle; each statement and lock has its own limit.
  idle_session_timeout: '0',
  client_encoding: 'UTF8',
  TimeZone: 'UTC',
  DateStyle: 'ISO,MDY',
  IntervalStyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
  standard_conforming_strings: 'on',
  backslash_quote: 'safe_encoding',
  transform_null_equals: 'off',
  array_nulls: 'on',
  check_function_bodies: 'on',
  exit_on_error: 'off',
  local_preload_libraries: '',
  default_tablespace: '',
  temp_tablespaces: '',
  plan_cache_mode: 'auto',
  enable_seqscan: 'on',
};

/** The start-up options of a connection. @param own settings of this connection that differ or are added */
export function startupOptions(own: Readonly<Record<string, string>> = {}): string {
  return Object.entries({ ...always, ...own })
    .map(([name, value]) => `-c ${name}=${value.replace(/[\\ ]/g, '\\$&')}`)
    .join(' ');
}

/**
 * Resets a role's remaining presets: settings that are not in the start-up options get PostgreSQL's built-in value. It must be
 * the first statement of every connection as a component's role.
 */
export const dropPresetsStatement = `
  select pg_catalog.set_config(name, coalesce(boot_val, ''), false)
    from pg_catalog.pg_settings where source in ('user', 'database user') and context = 'user'`;

/** Runs {@link dropPresetsStatement}. */
export async function dropPresets(client: pg.ClientBase): Promise<void> {
  await client.query(dropPresetsStatement);
}
