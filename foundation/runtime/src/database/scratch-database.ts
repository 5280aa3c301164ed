import { randomBytes } from 'node:crypto';
import { parseJson } from '@countersign/kernel';
import pg from 'pg';
import { type ComponentPoolOptions, componentPool } from './component-pool.ts';
import type { OwnerConnection } from './connection.ts';
import { type ComponentMigrations, migrate } from './migrate.ts';
import { type Database, openDatabase } from './open-database.ts';
import { rolesSecret } from './role-passwords.ts';

/** A database of its own, empty but for the components asked for, on a server that others use as well. */
export interface ScratchDatabase {
  readonly database: Database;
  readonly connection: OwnerConnection;
  /** As given, with roles renamed: roles belong to the whole server, so each database has its own. */
  readonly components: readonly ComponentMigrations[];
  /** A pool as the role of one of the components; ended by {@link drop}. */
  pool(component: string, options?: Partial<ComponentPoolOptions>): pg.Pool;
  /** Ends the pools, and removes the database and its roles. */
  drop(): Promise<void>;
}

/** Names the environment variable that says which server scratch databases go to: an {@link OwnerConnection} as JSON. */
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
  const { host, port, user, password, database } = value as Record<string, unknown>;
  return typeof port === 'number' && [host, user, password, database].every((member) => typeof member === 'string');
}

/**
 * For tests, benchmarks and rehearsals: everything real, nothing kept.
 *
 * @param options.server where the account may create databases and roles; {@link scratchServer} by default
 */
export async function createScratchDatabase(
  options: { readonly server?: OwnerConnection; readonly components?: readonly ComponentMigrations[] } = {},
): Promise<ScratchDatabase> {
  const server = options.server ?? scratchServer();
  if (server === undefined) throw new Error(`no server for scratch databases: ${scratchServerVariable} is not set`);
  const id = randomBytes(6).toString('hex');
  const name = `scratch_${id}`;
  await onServer(server, [`create database ${name} template template0 encoding 'UTF8'`]);
  const connection = { ...server, database: name };
  const components = (options.components ?? []).map((component) => ({ ...component, role: `${component.role}_${id}` }));
  const pools: pg.Pool[] = [];
  const drop = async (): Promise<void> => {
    await Promise.all(pools.map((pool) => (pool.ending ? undefined : pool.end())));
    await onServer(server, [
      `drop database if exists ${name} with (force)`,
      ...components.map(({ role }) => `drop role if exists ${pg.escapeIdentifier(role)}`),
    ]);
  };
  let database: Database;
  try {
    database = await openDatabase({ connection, rolesSecret: rolesSecret(randomBytes(32).toString('base64url')) });
    if (components.length > 0) await migrate({ database, components });
  } catch (error) {
    await drop();
    throw error;
  }
  return {
    database,
    connection,
    components,
    pool(componentName, poolOptions) {
      const component = components.find((candidate) => candidate.name === componentName);
      if (component === undefined) throw new Error(`the scratch database was made without ${componentName}`);
      const { role, schema } = component;
      const pool = componentPool({ database, role, schema, applicationName: componentName, ...poolOptions });
      pools.push(pool);
      return pool;
    },
    drop,
  };
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
