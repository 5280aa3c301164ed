import { type Random, systemRandom } from '@countersign/kernel';
import pg from 'pg';
import { clientConfig } from './connection.ts';
import { databaseFailure } from './failure.ts';
import { type MigrationFile, migrationErrors, readMigrations } from './migration-files.ts';
import type { Database } from './open-database.ts';
import { publishMigrations } from './published-migrations.ts';
import { applyGrants, type ComponentRole, closeDatabase, ensureNamedLocks, ensureRoleAndSchema } from './roles.ts';
import { startupOptions } from './session-settings.ts';

export interface ComponentMigrations extends ComponentRole {
  /** Unique and stable: the key of the component's migration history. */
  readonly name: string;
  /** `new URL('../migrations/', import.meta.url)`: works from both `src` and `dist`. */
  readonly migrationsFolder: string | URL;
}

export interface AppliedMigration {
  readonly component: string;
  readonly fileName: string;
}

/**
 * Migrates the database to this release: roles, schemas, migrations, rights. Every node may call it at every start: one works,
 * the others wait and then find nothing to do. It applies nothing unless the history of every component matches.
 * Uses two connections of its own: one migrates, the other holds the lock.
 *
 * @param options.adoptRolesSecret accepts a secret that differs from the last one, after a loss or for a change. Nodes that still
 * use the old secret can no longer connect.
 * @returns the migrations applied by this call
 * @throws CodedError of {@link migrationErrors}, or `database_unavailable`
 */
export async function migrate(options: {
  readonly database: Pick<Database, 'connection' | 'rolesSecret'>;
  readonly components: readonly ComponentMigrations[];
  readonly adoptRolesSecret?: boolean;
  /** How long to wait for another node's migration; 120 s by default. */
  readonly waitMs?: number;
  readonly random?: Random;
}): Promise<AppliedMigration[]> {
  const { database, components } = options;
  const random = options.random ?? systemRandom;
  const files = new Map(components.map((component) => [component, readMigrations(component.migrationsFolder)]));
  const waitMs = options.waitMs ?? 120_000;
  const guard = ownerClient(database.connection, { lock_timeout: String(Math.ceil(waitMs)) });
  // A migration that waits for a busy table also blocks all later users of that table, so give up soon.
  const client = ownerClient(database.connection, { lock_timeout: '10000' });
  try {
    await guard.connect();
    await ensureHistory(guard);
    await takeLock(guard);
    await client.connect();
    const pending = new Map<ComponentMigrations, MigrationFile[]>();
    for (const [component, its] of files)
      pending.set(component, comparedWithHistory(component.name, its, await readHistory(client, component.name)));
    await inTransaction(client, async () => {
      await checkSecret(client, database.rolesSecret.fingerprint, options.adoptRolesSecret ?? false);
      for (const component of components) {
        await ensureRoleAndSchema(client, component, database.rolesSecret, random);
        await ensureNamedLocks(client, component);
      }
      await closeDatabase(
        client,
        components.map(({ role }) => role),
      );
    });
    const applied: AppliedMigration[] = [];
    for (const [component, its] of pending) {
      for (const file of its) {
        await apply(client, component, file);
        applied.push({ component: component.name, fileName: file.fileName });
      }
      await inTransaction(client, async () => {
        await publishMigrations(client, component, files.get(component) ?? []);
        await applyGrants(client, component);
      });
    }
    return applied;
  } catch (error) {
    throw migrationFailure(error);
  } finally {
    await client.end().catch(() => undefined);
    await guard.end().catch(() => undefined);
  }
}

function ownerClient(connection: Database['connection'], settings: Readonly<Record<string, string>>): pg.Client {
  const unlimited = { statement_timeout: '0', idle_in_transaction_session_timeout: '0' };
  const client = new pg.Client({
    ...clientConfig(connection, { options: startupOptions({ ...unlimited, ...settings }) }),
    application_name: 'countersign-migrate',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  });
  client.on('error', () => undefined);
  return client;
}

/**
 * Prevents other nodes from migrating while this connection is open. It locks a table of the owner, which no component's role can
 * access.
 */
async function takeLock(guard: pg.Client): Promise<void> {
  try {
    await guard.query('begin; lock table countersign_meta.migrating in exclusive mode');
  } catch (error) {
    if (sqlState(error) !== '55P03') throw error;
    throw migrationErrors.error(
      'migration_blocked',
      'Another node is migrating the database and does not finish. Look at its log (application_name countersign-migrate), then start again.',
    );
  }
}

/** Concurrent nodes wait for the first one and then find the table created. */
async function ensureHistory(client: pg.Client): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { rows } = await client.query<{ there: boolean }>(
      `select to_regclass('countersign_meta.migrating') is not null as there`,
    );
    if (rows[0]?.there === true) return;
    try {
      await inTransaction(client, () => client.query(historyTables));
      return;
    } catch (error) {
      const madeMeanwhile = ['23505', '42P06', '42P07'].includes(sqlState(error) ?? '');
      if (!madeMeanwhile || attempt === 10) throw error;
    }
  }
}

const historyTables = `
  create schema if not exists countersign_meta;
  create table if not exists countersign_meta.migrating ();
  revoke all on schema countersign_meta from public;
  create table if not exists countersign_meta.migrations (
    component  text not null,
    number     integer not null,
    name       text not null,
    sha256     text not null,
    applied_at timestamptz not null default now(),
    primary key (component, number)
  );
  create table if not exists countersign_meta.roles_secret (
    only_row    boolean primary key default true check (only_row),
    fingerprint text not null
  )`;

interface HistoryEntry {
  readonly number: number;
  readonly name: string;
  readonly sha256: string;
}

async function readHistory(client: pg.Client, component: string): Promise<HistoryEntry[]> {
  const { rows } = await client.query<HistoryEntry>(
    'select number, name, sha256 from countersign_meta.migrations where component = $1 order by number',
    [component],
  );
  return rows;
}

/**
 *
 * @returns the migrations that are still to be applied; throws when history and files do not match
 */
function comparedWithHistory(
  component: string,
  files: readonly MigrationFile[],
  history: readonly HistoryEntry[],
): MigrationFile[] {
  const byNumber = new Map(files.map((file) => [file.number, file]));
  for (const entry of history) {
    const file = byNumber.get(entry.number);
    const label = `${String(entry.number).padStart(4, '0')}_${entry.name}`;
    if (file === undefined)
      throw migrationErrors.error(
        'migration_unknown',
        `The database holds migration ${label} of ${component}, which this release does not know: a later release has been here. Run that release, or restore the backup made before it.`,
      );
    if (file.digest !== entry.sha256)
      throw migrationErrors.error(
        'migration_changed',
        `The migration ${file.fileName} of ${component} was changed after it was applied. Restore the file as it was released, and put the change into a new migration.`,
        { facts: { component, fileName: file.fileName } },
      );
  }
  const last = history.at(-1)?.number ?? -1;
  const applied = new Set(history.map((entry) => entry.number));
  const pending = files.filter((file) => !applied.has(file.number));
  const late = pending.find((file) => file.number < last);
  if (late !== undefined)
    throw migrationErrors.error(
      'migration_out_of_order',
      `The migration ${late.fileName} of ${component} comes before one that is applied already (${last}). Give it the next free number.`,
    );
  return pending;
}

/** Two nodes with different secrets would lock each other out at each start. */
async function checkSecret(client: pg.Client, fingerprint: string, adopt: boolean): Promise<void> {
  const { rows } = await client.query<{ fingerprint: string }>('select fingerprint from countersign_meta.roles_secret');
  if (rows[0]?.fingerprint === fingerprint) return;
  if (rows[0] !== undefined && !adopt)
    throw migrationErrors.error(
      'roles_secret_mismatch',
      'The secret for the database roles is not the one this database was set up with. Give every node the same one; if the old one is lost, stop every node and start one with --adopt-roles-secret (of processes by group: countersign migrate --adopt-roles-secret).',
    );
  await client.query(
    `insert into countersign_meta.roles_secret (fingerprint) values ($1)
     on conflict (only_row) do update set fingerprint = excluded.fingerprint`,
    [fingerprint],
  );
}

async function apply(client: pg.Client, component: ComponentMigrations, file: MigrationFile): Promise<void> {
  try {
    await inTransaction(client, async () => {
      await client.query(`set local search_path = ${pg.escapeIdentifier(component.schema)}, pg_temp`);
      await client.query(file.sql);
      await client.query(
        'insert into countersign_meta.migrations (component, number, name, sha256) values ($1, $2, $3, $4)',
        [component.name, file.number, file.name, file.digest],
      );
    });
  } catch (error) {
    const state = sqlState(error);
    if (state === '55P03')
      throw migrationErrors.error(
        'migration_blocked',
        `The migration ${file.fileName} of ${component.name} waited too long for a table in use, and was rolled back. Start again at a quieter time.`,
        { cause: error },
      );
    const unavailable = databaseFailure(error);
    if (state === undefined || unavailable !== error) throw unavailable;
    const message = error instanceof Error ? error.message : String(error);
    throw migrationErrors.error(
      'migration_failed',
      `The migration ${file.fileName} of ${component.name} failed and was rolled back: ${message}`,
      { cause: error },
    );
  }
}

async function inTransaction(client: pg.Client, work: () => Promise<unknown>): Promise<void> {
  await client.query('begin');
  try {
    await work();
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

function migrationFailure(error: unknown): unknown {
  if (sqlState(error) !== '42501') return databaseFailure(error);
  return migrationErrors.error(
    'database_owner_unprivileged',
    `The account in DATABASE_URL may not set up the database: ${error instanceof Error ? error.message : ''}. It needs CREATE on the database and CREATEROLE: grant create on database <name> to <account>; alter role <account> createrole.`,
    { cause: error },
  );
}
