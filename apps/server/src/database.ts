import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemRandom } from '@countersign/kernel';
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
  readSecret,
  rolesSecretFromFile,
  startEmbeddedPostgres,
} from '@countersign/runtime';
import type pg from 'pg';
import type { Configuration } from './configuration.ts';

/** The database of this release: reached, fit, and migrated. */
export interface OpenedDatabase {
  readonly database: Database;
  /** For people: where data lies if not where asked, and the like. */
  readonly notes: readonly string[];
  access(component: ComponentMigrations): ComponentAccess;
  /** A pool as the component's own role; ended when the control plane stops. */
  pool(
    component: ComponentMigrations,
    options?: { readonly maxConnections?: number; readonly durable?: boolean; readonly byIndexAlone?: boolean },
  ): pg.Pool;
}

/**
 * Connections that one process opens as each component's role at most: of its pools, to listen, and to read in bulk. A role
 * may have as many as all processes need, so that one that is stolen cannot use up those of the others.
 */
const connectionsOfProcess: Readonly<Record<string, number>> = {
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
};

export function connectionsOf(component: string): number {
  const connections = connectionsOfProcess[component];
  if (connections === undefined) throw new Error(`nobody has said how many connections ${component} needs`);
  return connections;
}

/**
 * @param available connections that PostgreSQL lets accounts have that are not superusers
 * @returns a line for people, where the processes could use up what there is: then some answers would be `database_unavailable`
 */
export function tooFewConnections(available: number, processes: number): string | undefined {
  const each = Object.values(connectionsOfProcess).reduce((sum, count) => sum + count, 0);
  if (available >= each * processes) return undefined;
  return `The database lets ${available} connections be open, and ${processes} ${processes === 1 ? 'process' : 'processes'} may need ${each * processes} (databaseProcesses: ${processes}): set max_connections of PostgreSQL to ${each * processes + 20} at least, or under load requests will be refused (database_unavailable).`;
}

/** Starts the embedded server unless a database of your own is configured, and brings it to this release. */
export async function openControlPlaneDatabase(options: {
  readonly configuration: Configuration;
  readonly components: readonly ComponentMigrations[];
  readonly lifecycle: Lifecycle;
  readonly logger: Logger;
  readonly onProgress: (message: string) => void;
  readonly adoptRolesSecret?: boolean;
}): Promise<OpenedDatabase> {
  const { configuration, components, lifecycle, logger, onProgress, adoptRolesSecret = false } = options;
  mkdirSync(configuration.dataFolder, { recursive: true, mode: 0o711 });
  const notes: string[] = [];
  let connection: DatabaseConnection;
  if (configuration.databaseUrl === undefined) {
    const postgres = await startEmbeddedPostgres({
      dataFolder: join(configuration.dataFolder, 'postgres'),
      onProgress,
      logger: (event, fields) => logger.info({ ...fields }, event),
    });
    lifecycle.started({ name: 'embedded PostgreSQL', stop: () => postgres.stop() });
    notes.push(...postgres.notes);
    connection = postgres.connection;
  } else connection = { url: readSecret(configuration.databaseUrl) };
  const database = await openDatabase({
    connection,
    rolesSecret: rolesSecretFromFile(join(configuration.dataFolder, 'roles-secret'), systemRandom),
    onProgress,
  });
  const processes = configuration.databaseUrl === undefined ? 1 : (configuration.databaseProcesses ?? 2);
  const tooFew = tooFewConnections(database.maxConnections, processes);
  if (tooFew !== undefined) {
    logger.warn(tooFew);
    notes.push(tooFew);
  }
  const applied = await migrate({
    database,
    adoptRolesSecret,
    components: components.map((component) => ({
      ...component,
      connectionLimit: connectionsOf(component.name) * (configuration.databaseProcesses ?? 2),
    })),
  });
  if (applied.length > 0) onProgress(`Database brought to this release (${applied.length} migrations)`);

  const access = ({ role, schema, name }: ComponentMigrations): ComponentAccess => ({
    database,
    role,
    schema,
    applicationName: `countersign ${name}`,
  });
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
