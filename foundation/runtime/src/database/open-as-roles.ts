import { isCodedError } from '@countersign/kernel';
import pg from 'pg';
import { roleConfig } from './component-pool.ts';
import { databaseErrors, databaseFailure } from './failure.ts';
import type { ComponentMigrations } from './migrate.ts';
import { readMigrations } from './migration-files.ts';
import { type Database, type OpenOptions, openWith } from './open-database.ts';
import { digestOfMigrations, readPublishedMigrations } from './published-migrations.ts';
import { dropPresets } from './session-settings.ts';

const bounds = { statementTimeoutMs: 15_000, lockTimeoutMs: 5_000, idleInTransactionTimeoutMs: 15_000 };

/**
 * Opens the database for a process that only has the accounts of component roles. Checks that the database is suitable, as
 * `openDatabase` does, and that the schema of every component is at this release. Migrates nothing.
 *
 * @param options.components at least one
 * @throws CodedError `database_not_migrated`, and those of `openDatabase`
 */
export async function openDatabaseAsRoles(
  options: OpenOptions & { readonly components: readonly ComponentMigrations[] },
): Promise<Database> {
  const { connection, rolesSecret, components } = options;
  const configOf = ({ role, schema, name }: ComponentMigrations): pg.ClientConfig =>
    roleConfig({ database: { connection, rolesSecret }, role, schema, applicationName: `countersign ${name}` }, bounds);
  const [first] = components;
  if (first === undefined) throw new Error('a database cannot be opened as no role');
  const database = await openWith(configOf(first), options).catch((error: unknown) => {
    throw roleRefused(first, isCodedError(error) ? error.cause : error) ?? error;
  });
  for (const component of components) await requireMigrated(component, configOf(component));
  return database;
}

async function requireMigrated(component: ComponentMigrations, config: pg.ClientConfig): Promise<void> {
  const client = new pg.Client({ ...config, connectionTimeoutMillis: 5_000, query_timeout: 15_000 });
  // Without an error listener, a broken connection would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await dropPresets(client);
    const expected = digestOfMigrations(readMigrations(component.migrationsFolder));
    if ((await readPublishedMigrations(client, component)) === expected) return;
    throw databaseErrors.error(
      'database_not_migrated',
      `The database is not at this release: the schema of ${component.name} is another one. ${howToMigrate}`,
    );
  } catch (error) {
    throw roleRefused(component, error) ?? databaseFailure(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

const howToMigrate =
  "Run `countersign migrate --config FILE` of this release with the installation's configuration, then start this process again.";

/**
 *
 * @returns undefined when the cause is not a refused account
 */
function roleRefused({ role }: ComponentMigrations, cause: unknown): unknown {
  if (!(cause instanceof pg.DatabaseError && cause.code?.startsWith('28') === true)) return undefined;
  return databaseErrors.error(
    'database_not_migrated',
    `The database does not let the role ${role} in: it has not been set up, or the roles' secret of this process is another than that of the installation. ${howToMigrate}`,
    { cause },
  );
}
