import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@countersign/embedded-postgres';
import { CodedError, systemRandom } from '@countersign/kernel';
import {
  type ComponentAccess,
  type ComponentMigrations,
  componentPool,
  type Database,
  type DatabaseConnection,
  type Lifecycle,
  type Logger,
  migrate,
  openDatabase,
  openDatabaseAsRoles,
  type RolesSecret,
  readSecret,
  rolesSecret,
  rolesSecretByGroup,
  rolesSecretFromFile,
  withoutAccount,
} from '@countersign/runtime';
import type pg from 'pg';
import type { Configuration } from '../configuration/index.ts';
import { componentsOf, groupOf } from '../process-groups/index.ts';

/** A connected database, checked and migrated to this release. */
export interface OpenedDatabase {
  readonly database: Database;
  /** Messages for the operator, for example that the data is in another folder than requested. */
  readonly notes: readonly string[];
  access(component: ComponentMigrations): ComponentAccess;
  /** A pool that connects as the component's own role. It ends when the control plane stops. */
  pool(
    component: ComponentMigrations,
    options?: { readonly maxConnections?: number; readonly durable?: boolean; readonly byIndexAlone?: boolean },
  ): pg.Pool;
}

/**
 * Maximum connections that one process opens as each component's role: pools, notifications and bulk reads. Each role is
 * limited to the need of all processes, so that a stolen role cannot exhaust the connections of the others.
 */
const connectionsOfComponent: Readonly<Record<string, number>> = {
  'audit-log': 16,
  'evidence-eraser': 2,
  'authorization-server': 20,
  directory: 11,
  'trust-registry': 4,
  'consent-store': 13,
  'policy-engine': 15,
  'transaction-registry': 22,
  authentication: 9,
  'event-publisher': 13,
  'time-stamping': 5,
  retention: 3,
  notices: 2,
  devices: 4,
  recovery: 3,
  'break-glass': 3,
  'certificate-authority': 7,
  secrets: 8,
  'workload-identity': 5,
  halt: 1,
};

export function connectionsOf(component: string): number {
  const connections = connectionsOfComponent[component];
  if (connections === undefined) throw new Error(`nobody has said how many connections ${component} needs`);
  return connections;
}

/** Maximum connections that one process with these components opens. @param components by the name of their migrations */
export function connectionBudget(components: readonly string[]): number {
  return components.reduce((sum, component) => sum + connectionsOf(component), 0);
}

/**
 * @param available connections that PostgreSQL allows to accounts that are not superusers
 * @param processes that share them: each with every component or, in a split installation, this many of each group
 * @returns a warning if the processes could exhaust the connections, which would cause `database_unavailable`
 */
export function tooFewConnections(available: number, processes: number): string | undefined {
  const each = connectionBudget(Object.keys(connectionsOfComponent));
  if (available >= each * processes) return undefined;
  return `The database lets ${available} connections be open, and ${processes} ${processes === 1 ? 'process' : 'processes'} may need ${each * processes} (databaseProcesses: ${processes}): set max_connections of PostgreSQL to ${each * processes + 20} at least, or under load requests will be refused (database_unavailable).`;
}

interface OpenOptions {
  readonly configuration: Configuration;
  readonly components: readonly ComponentMigrations[];
  readonly lifecycle: Lifecycle;
  readonly logger: Logger;
  readonly onProgress: (message: string) => void;
  readonly adoptRolesSecret?: boolean;
}

/**
 * Opens the database for this process. A process with every component starts the embedded server, unless an external database
 * is configured, and migrates it to this release. A process of one group connects only as the roles of its components and
 * requires a database that is already migrated to this release.
 *
 * @throws CodedError `database_url_with_account`, those of `openDatabaseAsRoles`, `openDatabase` and `migrate`
 */
export async function openControlPlaneDatabase(options: OpenOptions): Promise<OpenedDatabase> {
  const { configuration, components, logger, lifecycle } = options;
  const notes: string[] = [];
  const its = componentsHere(configuration, components);
  const database =
    configuration.process === undefined
      ? await openAndMigrate(options, notes)
      : await openForGroup({ ...options, components: its });
  const processes = configuration.databaseUrl === undefined ? 1 : (configuration.databaseProcesses ?? 2);
  const tooFew = tooFewConnections(database.maxConnections, processes);
  if (tooFew !== undefined) {
    logger.warn(tooFew);
    notes.push(tooFew);
  }
  return poolsOf({ database, notes, components: its, logger, lifecycle });
}

function componentsHere(
  { process: own }: Configuration,
  components: readonly ComponentMigrations[],
): readonly ComponentMigrations[] {
  if (own === undefined) return components;
  const names = componentsOf(own.group);
  return components.filter(({ name }) => names.includes(name));
}

async function openAndMigrate(
  { configuration, components, lifecycle, logger, onProgress, adoptRolesSecret = false }: OpenOptions,
  notes: string[],
): Promise<Database> {
  const { dataFolder, databaseUrl, databaseProcesses = 2 } = configuration;
  mkdirSync(dataFolder, { recursive: true, mode: 0o711 });
  let connection: DatabaseConnection;
  if (databaseUrl === undefined) {
    const postgres = await startEmbeddedPostgres({
      dataFolder: join(dataFolder, 'postgres'),
      onProgress,
      logger: (event, fields) => logger.info({ ...fields }, event),
    });
    lifecycle.started({ name: 'embedded PostgreSQL', stop: () => postgres.stop() });
    notes.push(...postgres.notes);
    connection = postgres.connection;
  } else connection = { url: readSecret(databaseUrl) };
  const database = await openDatabase({
    connection,
    rolesSecret: installationRoles(dataFolder, components),
    onProgress,
  });
  const applied = await migrate({
    database,
    adoptRolesSecret,
    components: components.map((component) => ({
      ...component,
      connectionLimit: connectionsOf(component.name) * databaseProcesses,
    })),
  });
  if (applied.length > 0) onProgress(`Database brought to this release (${applied.length} migrations)`);
  return database;
}

/** The file in a data folder from which passwords are derived: of every role, or of the roles of one group. */
export const rolesSecretFile = (dataFolder: string): string => join(dataFolder, 'roles-secret');

/** Derives the passwords of all roles from the installation's secret, which is created if it does not exist. */
function installationRoles(dataFolder: string, components: readonly ComponentMigrations[]): RolesSecret {
  const groups = new Map(components.map(({ role, name }) => [role, groupOf(name)]));
  return rolesSecretByGroup(rolesSecretFromFile(rolesSecretFile(dataFolder), systemRandom), (role) => {
    const group = groups.get(role);
    if (group === undefined) throw new Error(`the database role ${role} belongs to no component`);
    return group;
  });
}

async function openForGroup({
  configuration: { databaseUrl, dataFolder },
  components,
  onProgress,
}: OpenOptions): Promise<Database> {
  if (databaseUrl === undefined) throw new Error('a configuration of one group without databaseUrl was accepted');
  const url = readSecret(databaseUrl);
  if (withoutAccount(url) !== url)
    throw new CodedError({
      code: 'database_url_with_account',
      category: 'invalid',
      detail:
        'databaseUrl: a process of one group is given no account of the database; it has the roles of its components. Take user and password out of the URL.',
    });
  return openDatabaseAsRoles({
    connection: { url },
    rolesSecret: rolesSecret(readSecret(`file:${rolesSecretFile(dataFolder)}`)),
    components,
    onProgress,
  });
}

function poolsOf({
  database,
  notes,
  components,
  logger,
  lifecycle,
}: Pick<OpenOptions, 'components' | 'logger' | 'lifecycle'> & {
  readonly database: Database;
  readonly notes: readonly string[];
}): OpenedDatabase {
  const here = new Set(components.map(({ name }) => name));
  const access = ({ role, schema, name }: ComponentMigrations): ComponentAccess => {
    if (!here.has(name)) throw new Error(`this process was asked for the database of ${name}, which it does not run`);
    return { database, role, schema, applicationName: `countersign ${name}` };
  };
  return {
    database,
    notes,
    access,
    pool(component, { maxConnections, durable = true, byIndexAlone = false } = {}) {
      const pool = componentPool({
        ...access(component),
        ...(maxConnections === undefined ? {} : { maxConnections }),
        ...(durable ? {} : { synchronousCommit: 'off' }),
        byIndexAlone,
        onError: (error) => logger.warn({ error, component: component.name }, 'a database connection broke'),
      });
      lifecycle.started({ name: `connections of ${component.name}`, stop: () => pool.end() });
      return pool;
    },
  };
}
