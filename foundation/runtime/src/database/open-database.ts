import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { clientConfig, type DatabaseConnection } from './connection.ts';
import { databaseErrors, databaseFailure, isDatabaseUnavailable } from './failure.ts';
import type { RolesSecret } from './role-passwords.ts';

/** A database that is reachable and suitable for evidence. */
export interface Database {
  /** Connection as the owner, for migrations only, or without an account. Components connect as their own roles. */
  readonly connection: DatabaseConnection;
  readonly rolesSecret: RolesSecret;
  /** E.g. `18.4`. */
  readonly serverVersion: string;
  /** Maximum number of connections of all accounts without superuser rights together. */
  readonly maxConnections: number;
}

const oldestVersion = 15;

/**
 * Connects once as the owner and checks that the database is suitable: recent enough, UTF-8, writable, durable.
 *
 * @param options.waitMs how long to wait for a database that is starting; 30 s by default
 * @param options.acceptLoss accepts a database that can lose commits in a power failure. For development.
 * @throws CodedError `database_unavailable`, `database_unsuitable`, `database_url_invalid`
 */
export async function openDatabase(options: OpenOptions): Promise<Database> {
  return openWith(clientConfig(options.connection), options);
}

export interface OpenOptions {
  readonly connection: DatabaseConnection;
  readonly rolesSecret: RolesSecret;
  readonly waitMs?: number;
  readonly acceptLoss?: boolean;
  readonly onProgress?: (message: string) => void;
}

/** {@link openDatabase} with the account of `config`. */
export async function openWith(
  config: pg.ClientConfig,
  { connection, rolesSecret, waitMs = 30_000, acceptLoss = false, onProgress }: OpenOptions,
): Promise<Database> {
  const client = await connectWithin(config, waitMs, onProgress);
  try {
    const { rows } = await client.query<ServerFacts>(
      `select current_setting('server_version_num')::int / 10000 as major, split_part(current_setting('server_version'), ' ', 1) as version,
              current_setting('server_encoding') as encoding, pg_is_in_recovery() as standby,
              current_setting('fsync') as fsync, current_setting('full_page_writes') as full_page_writes,
              current_setting('synchronous_commit') as synchronous_commit,
              current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                - coalesce(current_setting('reserved_connections', true)::int, 0) as connections`,
    );
    const [facts] = rows;
    if (facts === undefined) throw new Error('a select without a table returned no row');
    const problem = whyUnsuitable(facts, acceptLoss);
    if (problem !== undefined) throw databaseErrors.error('database_unsuitable', problem);
    return { connection, rolesSecret, serverVersion: facts.version, maxConnections: facts.connections };
  } catch (error) {
    throw databaseFailure(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

interface ServerFacts {
  readonly major: number;
  readonly version: string;
  readonly encoding: string;
  readonly standby: boolean;
  readonly fsync: string;
  readonly full_page_writes: string;
  readonly synchronous_commit: string;
  readonly connections: number;
}

function whyUnsuitable(facts: ServerFacts, acceptLoss: boolean): string | undefined {
  if (facts.major < oldestVersion)
    return `The database is PostgreSQL ${facts.version}; ${oldestVersion} or later is needed.`;
  if (facts.encoding !== 'UTF8') return `The database is encoded in ${facts.encoding}; create one with encoding UTF8.`;
  if (facts.standby) return 'DATABASE_URL leads to a read-only standby; name the primary.';
  if (acceptLoss) return undefined;
  if (facts.fsync !== 'on')
    return 'The database runs with fsync off and would lose evidence in a power cut; set fsync = on.';
  if (facts.full_page_writes !== 'on')
    return 'The database runs with full_page_writes off and could be left damaged by a power cut; set full_page_writes = on.';
  if (facts.synchronous_commit === 'off')
    return 'The database runs with synchronous_commit off and would lose evidence in a crash; set it on.';
  return undefined;
}

async function connectWithin(
  config: pg.ClientConfig,
  waitMs: number,
  onProgress: ((message: string) => void) | undefined,
): Promise<pg.Client> {
  const deadline = performance.now() + waitMs;
  for (let attempt = 0; ; attempt++) {
    const client = new pg.Client({ ...config, connectionTimeoutMillis: 5000, query_timeout: 15_000 });
    // Without an error listener, a broken connection would end the process.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      // Waiting does not fix a wrong password or database name.
      if (!isDatabaseUnavailable(error) || isRefused(error) || performance.now() > deadline)
        throw connectFailure(error);
      if (attempt === 0) onProgress?.('Waiting for the database');
      await sleep(Math.min(100 * 2 ** attempt, 2000));
    }
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('28');
}

function connectFailure(error: unknown): unknown {
  const message = error instanceof Error ? error.message : String(error);
  return databaseErrors.error(
    'database_unavailable',
    `The database cannot be reached with DATABASE_URL: ${message || 'no answer'}.`,
    {
      cause: error,
    },
  );
}
