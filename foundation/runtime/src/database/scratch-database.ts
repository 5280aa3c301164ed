import { randomBytes } from 'node:crypto';
import { parseJson } from '@countersign/kernel';
import pg from 'pg';
import { type ComponentPoolOptions, componentPool } from './component-pool.ts';
import type { OwnerConnection } from './connection.ts';
import { type ComponentMigrations, migrate } from './migrate.ts';
import { type Database, openDatabase } from './open-database.ts';
import { rolesSecret } from './role-passwords.ts';

/** A temporary database with the requested components, on a server that others also use. */
export interface ScratchDatabase {
  readonly database: Database;
  readonly connection: OwnerConnection;
  /** The given components with renamed roles. Roles belong to the whole server, so each database needs its own. */
  readonly components: readonly ComponentMigrations[];
  /** A pool for the role of one component; {@link drop} ends it. */
  pool(component: string, options?: Partial<ComponentPoolOptions>): pg.Pool;
  /** Ends the pools, and removes the database and its roles. */
  drop(): Promise<void>;
}

/** Name of the environment variable with the server for scratch databases: an {@link OwnerConnection} as JSON. */
export const scratchServerVariable = 'COUNTERSIGN_SCRATCH_SERVER';

export function scratchServer(): OwnerConnection | undefined {
  const text = process.env[scratchServerVariable];
  if (text === undefined) return undefined;
  const parsed = parseJson(text);
  if (parsed.ok && isConnection(parsed.value)) return parsed.value;
  throw new Error(`${scratchServerVariable} does not describe a connection`);
}

function isConnection(value: unknown): value is OwnerConnection {
  if (typeof value !== 'object' || value === null) return false;
  // Each member is checked below.
  const { host, port, user, password, database } = value as Record<string, unknown>;
  return typeof port === 'number' && [host, user, password, database].every((member) => typeof member === 'string');
}

/**
 * Creates a scratch database for tests, benchmarks and rehearsals: real, but temporary.
 *
 * @param options.server where the account may create databases and roles; {@link scratchServer} by default
 */
export async function createScratchDatabase(
  options: { readonly server?: OwnerConnection; readonly components?: readonly ComponentMigrations[] } = {},
): Promise<ScratchDatabase> {
  const server = serverFor(options);
  const id = newScratchId();
  const name = nameOf(id);
  await onServer(server, [`create database ${name} template template0 encoding 'UTF8'`]);
  const connection = { ...server, database: name };
  const components = withRolesOf(id, options.components);
  const removed = [
    `drop database if exists ${name} with (force)`,
    ...components.map(({ role }) => `drop role if exists ${pg.escapeIdentifier(role)}`),
  ];
  try {
    const database = await openDatabase({ connection, rolesSecret: newRolesSecret() });
    if (components.length > 0) await migrate({ database, components });
    return scratchDatabase({ database, connection, components, remove: () => onServer(server, removed) });
  } catch (error) {
    await onServer(server, removed);
    throw error;
  }
}

/**
 * Creates databases like {@link createScratchDatabase}, but much faster: each is a copy of one that was migrated once. The copies
 * share their roles, which stay on the server like the original.
 */
export interface ScratchTemplate {
  copy(): Promise<ScratchDatabase>;
}

/**
 *
 * @param options as for {@link createScratchDatabase}
 */
export async function createScratchTemplate(
  options: { readonly server?: OwnerConnection; readonly components?: readonly ComponentMigrations[] } = {},
): Promise<ScratchTemplate> {
  const server = serverFor(options);
  const original = await createScratchDatabase({ ...options, server });
  // One connection for all copies; it does not keep the process alive.
  const owner = new pg.Pool({ ...server, max: 1, allowExitOnIdle: true, connectionTimeoutMillis: 10_000 });
  owner.on('error', () => undefined);
  // PostgreSQL cannot copy a database while somebody is connected to it.
  await owner.query(`alter database ${original.connection.database} with allow_connections false`);
  return {
    async copy() {
      const name = nameOf(newScratchId());
      await owner.query(`create database ${name} template ${original.connection.database}`);
      // A copy has the rights within the database, but not the rights on the database itself.
      await owner.query(`revoke temporary on database ${name} from public`);
      const connection = { ...server, database: name };
      return scratchDatabase({
        database: { ...original.database, connection },
        connection,
        components: original.components,
        async remove() {
          await owner.query(`drop database if exists ${name} with (force)`);
        },
      });
    },
  };
}

function scratchDatabase({
  remove,
  ...made
}: Pick<ScratchDatabase, 'database' | 'connection' | 'components'> & { remove(): Promise<void> }): ScratchDatabase {
  const { database, components } = made;
  const pools: pg.Pool[] = [];
  return {
    ...made,
    pool(componentName, poolOptions) {
      const component = components.find((candidate) => candidate.name === componentName);
      if (component === undefined) throw new Error(`the scratch database was made without ${componentName}`);
      const { role, schema } = component;
      const pool = componentPool({ database, role, schema, applicationName: componentName, ...poolOptions });
      pools.push(pool);
      return pool;
    },
    async drop() {
      await Promise.all(pools.map((pool) => (pool.ending ? undefined : pool.end())));
      await remove();
    },
  };
}

function serverFor({ server = scratchServer() }: { readonly server?: OwnerConnection }): OwnerConnection {
  if (server === undefined) throw new Error(`no server for scratch databases: ${scratchServerVariable} is not set`);
  return server;
}

const newScratchId = (): string => randomBytes(6).toString('hex');
const nameOf = (id: string): string => `scratch_${id}`;
const newRolesSecret = () => rolesSecret(randomBytes(32).toString('base64url'));

function withRolesOf(id: string, components: readonly ComponentMigrations[] = []): readonly ComponentMigrations[] {
  return components.map((component) => ({ ...component, role: `${component.role}_${id}` }));
}

async function onServer(server: OwnerConnection, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ ...server, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    // One by one: CREATE and DROP DATABASE run outside of transactions.
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
