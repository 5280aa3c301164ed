import pg from 'pg';
import { clientConfig } from './connection.ts';
import type { Database } from './open-database.ts';
import { checkIdentifier } from './roles.ts';
import { dropPresets, startupOptions } from './session-settings.ts';

export interface ComponentAccess {
  readonly database: Pick<Database, 'connection' | 'rolesSecret'>;
  readonly role: string;
  /** The component's own schema: all its unqualified names mean. */
  readonly schema: string;
  /** Seen in `pg_stat_activity`. */
  readonly applicationName: string;
}

export interface ComponentPoolOptions extends ComponentAccess {
  /** 10 by default. The embedded server takes 250 in all. */
  readonly maxConnections?: number;
  /** The server gives up a statement after this; 15 s by default. */
  readonly statementTimeoutMs?: number;
  /**
   * `off`: a commit is answered before it is durable. Only for what a later, durable commit of the same server
   * makes durable as well, or may lose. `on` by default.
   */
  readonly synchronousCommit?: 'on' | 'off';
  /**
   * Tables are read by their indexes, small ones too. For pools with prepared statements: planned while a table holds a few
   * rows, they would go on reading the whole of it when it has grown, until PostgreSQL next takes its measure.
   */
  readonly byIndexAlone?: boolean;
  /** 5 s by default. */
  readonly lockTimeoutMs?: number;
  /** The server ends a session that holds a transaction open without using it; 15 s by default. */
  readonly idleInTransactionTimeoutMs?: number;
  /** How long to wait for a free connection, or for a new one; 5 s by default. */
  readonly connectTimeoutMs?: number;
  /** A connection broke while nobody used it. For the log; the pool replaces it. */
  readonly onError?: (error: Error) => void;
}

/**
 * A pool of connections as the component's own role, which may use the component's own schema and nothing
 * else. Every wait is bounded. A connection that breaks is replaced and never ends the process.
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
    // For a server that cannot even say that it gives up: a stalled network, a frozen host.
    query_timeout: statementTimeoutMs + 2000,
  });
  const onError = options.onError ?? (() => undefined);
  pool.on('error', (error: Error & { client?: unknown }) => {
    // While the pool ends, a server that stops as well may be the first to close: nothing has broken.
    if (pool.ending) return;
    // The driver hangs the whole connection on it, with the key that cancels its queries: nothing for a log.
    delete error.client;
    onError(error);
  });
  // The pool listens to idle connections only; one that breaks while checked out would end the process. Its
  // user learns of it from the query.
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
 * The driver's configuration for one connection as the component's role. A connection outside a pool calls
 * {@link dropPresets} first.
 */
export function roleConfig(access: ComponentAccess, settings: RoleSettings): pg.ClientConfig {
  checkIdentifier(access.role);
  checkIdentifier(access.schema);
  const { statementTimeoutMs, lockTimeoutMs, idleInTransactionTimeoutMs, ...rest } = settings;
  const options = startupOptions({
    // pg_temp last: searched first by default, it would let a temporary table stand in for one of ours.
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
