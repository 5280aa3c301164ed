import type { Random } from '@countersign/kernel';
import pg from 'pg';
import { migrationErrors } from './migration-files.ts';
import { type RolesSecret, scramVerifier } from './role-passwords.ts';

/**
 * Rights of a component's role on the rows of its own schema. `insert-and-read` is for records that must stay unchanged even if
 * the process is compromised. `functions-alone` has no access to tables; the role can only call functions of its schema.
 */
export type Grants = 'full' | 'insert-and-read' | 'functions-alone';

export interface ComponentRole {
  readonly role: string;
  readonly schema: string;
  readonly grants: Grants;
  /** Maximum number of connections of the role from all processes together; no limit by default. */
  readonly connectionLimit?: number;
}

const tableRights: Readonly<Record<Grants, string | undefined>> = {
  full: 'select, insert, update, delete',
  'insert-and-read': 'select, insert',
  'functions-alone': undefined,
};

/**
 * Names come from our own code, so an invalid one is our bug. They are checked because they become part of SQL and start-up
 * options.
 */
export function checkIdentifier(name: string): void {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(name))
    throw new Error(`not usable as the name of a role or schema: ${JSON.stringify(name)}`);
}

/**
 * Creates or updates the component's role and schema. The role may log in and use its own schema; it owns nothing, creates
 * nothing, and is a member of no other role.
 *
 * @throws CodedError `database_role_unsafe` when an existing role of that name has more rights
 */
export async function ensureRoleAndSchema(
  client: pg.ClientBase,
  component: ComponentRole,
  secret: RolesSecret,
  random: Random,
): Promise<void> {
  checkIdentifier(component.role);
  checkIdentifier(component.schema);
  const [role, schema] = [pg.escapeIdentifier(component.role), pg.escapeIdentifier(component.schema)];
  const verifier = pg.escapeLiteral(scramVerifier(secret.passwordOf(component.role), random));

  const { rows } = await client.query<{ unsafe: boolean }>(
    `select rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls
            or exists (select from pg_auth_members where member = pg_roles.oid)
            or exists (
              select from pg_shdepend
               where refclassid = 'pg_authid'::regclass and refobjid = pg_roles.oid and deptype = 'o'
                 and classid <> 'pg_largeobject'::regclass) as unsafe
       from pg_roles where rolname = $1`,
    [component.role],
  );
  if (rows[0]?.unsafe === true)
    throw migrationErrors.error(
      'database_role_unsafe',
      `The database role ${component.role} exists and may do more than a component should (superuser, createdb, createrole, replication, bypassrls, membership of another role, or something that it owns). Take these from it, or drop it.`,
    );
  if (rows.length === 0) await client.query(`create role ${role} nocreatedb nocreaterole noinherit`);
  const limit = component.connectionLimit ?? -1;
  if (!Number.isInteger(limit)) throw new Error(`not usable as a limit of connections: ${limit}`);
  await client.query(`alter role ${role} login password ${verifier} connection limit ${limit}`);
  // A role can preset settings for its own connections. Keep only the ones that we set.
  await client.query(`
    alter role ${role} reset all;
    do $$ begin
      execute format('alter role %I in database %I reset all', ${pg.escapeLiteral(component.role)}, current_database());
    end $$`);

  const owned = await client.query(`select 1 from pg_namespace where nspname = $1`, [component.schema]);
  if (owned.rows.length === 0) await client.query(`create schema ${schema}`);
  await client.query(`
    revoke all on schema ${schema} from public;
    revoke all on schema ${schema} from ${role};
    grant usage on schema ${schema} to ${role};
    do $$ begin
      if not has_database_privilege(${pg.escapeLiteral(component.role)}, current_database(), 'connect') then
        execute format('grant connect on database %I to %I', current_database(), ${pg.escapeLiteral(component.role)});
      end if;
    end $$`);
}

/**
 * Revokes rights that PostgreSQL grants to all roles of a database: temporary tables, and objects in the schema `public`.
 *
 * @throws CodedError `database_role_unsafe` when a role keeps them because the account in DATABASE_URL cannot revoke them
 */
export async function closeDatabase(client: pg.ClientBase, roles: readonly string[]): Promise<void> {
  await client.query(`
    do $$ begin
      execute format('revoke temporary on database %I from public', current_database());
      if to_regnamespace('public') is not null then revoke create on schema public from public; end if;
    exception when insufficient_privilege then null;
    end $$`);
  const { rows } = await client.query<{ role: string; database: string }>(
    `select role, current_database() as database from unnest($1::text[]) as role
      where has_database_privilege(role, current_database(), 'temporary')
         or has_database_privilege(role, current_database(), 'create')
         or (to_regnamespace('public') is not null and has_schema_privilege(role, 'public', 'create'))`,
    [roles],
  );
  const [first] = rows;
  if (first === undefined) return;
  const database = pg.escapeIdentifier(first.database);
  throw migrationErrors.error(
    'database_role_unsafe',
    `The database role ${first.role} may create temporary tables, schemas, or objects in the schema public, and the account in DATABASE_URL may not take that from it. As the owner of the database: revoke create, temporary on database ${database} from public; revoke create on schema public from public;`,
  );
}

/** Creates the table of the component's named locks. A role with functions alone has none. */
export async function ensureNamedLocks(client: pg.ClientBase, component: ComponentRole): Promise<void> {
  if (component.grants === 'functions-alone') return;
  await client.query(
    `create table if not exists ${pg.escapeIdentifier(component.schema)}.named_locks (name text primary key)`,
  );
}

/**
 * Grants rights on all present and future objects of the schema. Runs after the migrations, in one transaction, so that running
 * nodes never lose access.
 */
export async function applyGrants(client: pg.ClientBase, component: ComponentRole): Promise<void> {
  const [role, schema] = [pg.escapeIdentifier(component.role), pg.escapeIdentifier(component.schema)];
  const rights = tableRights[component.grants];
  await client.query(`
    revoke all on all tables in schema ${schema} from public, ${role};
    revoke all on all sequences in schema ${schema} from public, ${role};
    revoke all on all routines in schema ${schema} from public, ${role};
    alter default privileges in schema ${schema} revoke all on tables from ${role};
    alter default privileges in schema ${schema} revoke all on sequences from ${role};
    grant execute on all routines in schema ${schema} to ${role};
    alter default privileges in schema ${schema} grant execute on routines to ${role}`);
  if (rights !== undefined)
    await client.query(`
      grant ${rights} on all tables in schema ${schema} to ${role};
      grant usage, select on all sequences in schema ${schema} to ${role};
      grant update on ${schema}.named_locks to ${role};
      alter default privileges in schema ${schema} grant ${rights} on tables to ${role};
      alter default privileges in schema ${schema} grant usage, select on sequences to ${role}`);
}
