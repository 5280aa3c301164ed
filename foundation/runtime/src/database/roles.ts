import type { Random } from '@countersign/kernel';
import pg from 'pg';
import { migrationErrors } from './migration-files.ts';
import { type RolesSecret, scramVerifier } from './role-passwords.ts';

/**
 * What a component's role may do with the rows of its own schema. `insert-and-read` is for records that must
 * not be changed by whoever takes over the process.
 */
export type Grants = 'full' | 'insert-and-read';

export interface ComponentRole {
  readonly role: string;
  readonly schema: string;
  readonly grants: Grants;
}

const tableRights: Readonly<Record<Grants, string>> = {
  full: 'select, insert, update, delete',
  'insert-and-read': 'select, insert',
};

/** Names come from our own code, so a bad one is our bug; checked because they are put into SQL and start-up options. */
export function checkIdentifier(name: string): void {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(name))
    throw new Error(`not usable as the name of a role or schema: ${JSON.stringify(name)}`);
}

/**
 * Makes the component's role and schema, or brings them to what is written here. The role may sign in and
 * use its own schema; it owns nothing, creates nothing, and is a member of nothing.
 *
 * @throws CodedError `database_role_unsafe` when a role of that name exists and may do more.
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
            or exists (select from pg_auth_members where member = pg_roles.oid) as unsafe
       from pg_roles where rolname = $1`,
    [component.role],
  );
  if (rows[0]?.unsafe === true)
    throw migrationErrors.error(
      'database_role_unsafe',
      `The database role ${component.role} exists and may do more than a component should (superuser, createdb, createrole, replication, bypassrls or membership of another role). Take these from it, or drop it.`,
    );
  if (rows.length === 0) await client.query(`create role ${role} nocreatedb nocreaterole noinherit`);
  await client.query(`alter role ${role} login password ${verifier}`);

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
 * Rights on everything the schema holds now, and will hold. Applied after the migrations, in one transaction,
 * so that running nodes never see a gap.
 */
export async function applyGrants(client: pg.ClientBase, component: ComponentRole): Promise<void> {
  const [role, schema] = [pg.escapeIdentifier(component.role), pg.escapeIdentifier(component.schema)];
  const rights = tableRights[component.grants];
  await client.query(`
    revoke all on all tables in schema ${schema} from public, ${role};
    revoke all on all sequences in schema ${schema} from public, ${role};
    revoke all on all routines in schema ${schema} from public, ${role};
    grant ${rights} on all tables in schema ${schema} to ${role};
    grant usage, select on all sequences in schema ${schema} to ${role};
    grant execute on all routines in schema ${schema} to ${role};
    alter default privileges in schema ${schema} revoke all on tables from ${role};
    alter default privileges in schema ${schema} grant ${rights} on tables to ${role};
    alter default privileges in schema ${schema} grant usage, select on sequences to ${role};
    alter default privileges in schema ${schema} grant execute on routines to ${role}`);
}
