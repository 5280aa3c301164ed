import pg from 'pg';
import { clientConfig } from './connection.ts';
import type { Database } from './open-database.ts';
import { checkIdentifier } from './roles.ts';
import { dropPresets, startupOptions } from './session-settings.ts';

export interface ComponentAccess {
  readonly database: Pick<Database, 'connection' | 'rolesSecret'>;
  readonly role: string;
  /** The component's own schema, to which all unqualified names refer. */
  readonly schema: string;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
}

export interface ComponentPoolOptions extends ComponentAccess {
  /** 10 by default. The embedded server accepts 250 connections in total. */
  readonly maxConnections?: number;
  /** The server cancels a statement after this time; 15 s by default. */
  readonly statementTimeoutMs?: number;
  /**
   * `off`: commits return before they are durable. Only for writes that a later durable commit of the same server makes durable,
   * or that may be lost. `on` by default.
   */
  readonly synchronousCommit?: 'on' | 'off';
  /**
   * Forces index scans. For pools with prepared statements: a plan made while a table is small would keep reading the whole table
   * as it grows, until PostgreSQL next analyses it.
   */
  readonly byIndexAlone?: boolean;
  /** 5 s by default. */
  readonly lockTimeoutMs?: number;
  /** The server ends a session that is idle in a transaction; 15 s by default. */
  readonly idleInTransactionTimeoutMs?: number;
  /** Timeout for a free or new connection; 5 s by default. */
  readonly connectTimeoutMs?: number;
  /** Called when an idle connection breaks, for the log; the pool replaces the connection. */
  readonly onError?: (error: Error) => void;
}

/**
 * A connection pool for the component's own role, which may use only the component's own schema. Every wait is bounded. A broken
 * connection is replaced and never ends the process.
 */
export function componentPool(options: ComponentPoolOptions): pg.Pool {
  const statementTimeoutMs = options.statementTimeoutMs ?? 15_000;
  const pool = new pg.Pool({
    ...roleConfig(options, {
      statementTimeoutMs,
      lockTimeoutMs: options.lockTimeoutMs ?? 5000,
      idleInTransactionTimeoutMs: options.idleInTransactionTimeoutMs ?? 15_000,
      ...(options.synchronousCommit === 'off' ? { synchronous_commit: 'off' } : {}),
      ...(options.byIndexAlone === true ? { enable_seqscan: 'off' } : {}),
    }),
    max: options.maxConnections ?? 10,
    idleTimeoutMillis: 30_000,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5000,
    onConnect: dropPresets,
    // Also covers a server that cannot report the timeout itself: a stalled network, a frozen host.
    query_timeout: statementTimeoutMs + 2000,
  });
  const onError = options.onError ?? (() => undefined);
  pool.on('error', (error: Error & { client?: unknown }) => {
    // When pool and server stop together, the server may close the connection first. This is no failure.
    if (pool.ending) return;
    // The driver attaches the whole connection, with the key that cancels its queries. Keep it out of the log.
    delete error.client;
    onError(error);
  });
  // The pool handles errors of idle connections only; an error of a checked-out connection would end the process. Its user gets
  // the error from the query.
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
  });
  return pool;
}

interface RoleSettings {
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
  readonly synchronous_commit?: 'off';
  readonly enable_seqscan?: 'off';
}

/**
 * The driver's configuration for one connection as the component's role. For a connection outside a pool, call {@link
 * dropPresets} first.
 */
export function roleConfig(access: ComponentAccess, settings: RoleSettings): pg.ClientConfig {
  checkIdentifier(access.role);
  checkIdentifier(access.schema);
  const { statementTimeoutMs, lockTimeoutMs, idleInTransactionTimeoutMs, ...rest } = settings;
  const options = startupOptions({
    // pg_temp comes last: by default it is searched first, so a temporary table could shadow one of our tables.
    search_path: `${access.schema},pg_temp`,
    statement_timeout: String(Math.ceil(statementTimeoutMs)),
    lock_timeout: String(Math.ceil(lockTimeoutMs)),
    idle_in_transaction_session_timeout: String(Math.ceil(idleInTransactionTimeoutMs)),
    ...rest,
  });
  return {
    ...clientConfig(access.database.connection, {
      user: access.role,
      password: access.database.rolesSecret.passwordOf(access.role),
      options,
    }),
    application_name: access.applicationName,
    keepAlive: true,
  };
}
