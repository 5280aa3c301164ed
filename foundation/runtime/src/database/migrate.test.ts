import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ComponentMigrations,
  createScratchDatabase,
  migrate,
  rolesSecret,
  type ScratchDatabase,
} from './index.ts';

let folder: string;
const opened: ScratchDatabase[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'migrate-'));
});
afterEach(async () => {
  for (const scratch of opened.splice(0)) await scratch.drop();
  rmSync(folder, { recursive: true });
});

function component(
  name: string,
  grants: ComponentMigrations['grants'],
  migrations: Readonly<Record<string, string>>,
): ComponentMigrations {
  const migrationsFolder = join(folder, name);
  mkdirSync(migrationsFolder, { recursive: true });
  for (const [fileName, sql] of Object.entries(migrations)) writeFileSync(join(migrationsFolder, fileName), sql);
  return { name, schema: name, role: `countersign_${name}`, migrationsFolder, grants };
}

async function scratchWith(...components: ComponentMigrations[]): Promise<ScratchDatabase> {
  const scratch = await createScratchDatabase({ components });
  opened.push(scratch);
  return scratch;
}

async function asOwner(scratch: ScratchDatabase, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(scratch.connection);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

const notes = {
  '0001_notes.sql': 'create table notes (id bigint generated always as identity primary key, text text not null);',
};
const entries = { '0001_entries.sql': 'create table entries (id bigserial primary key, leaf text not null);' };
const denied = { code: '42501' };

describe('a component in the database', () => {
  it('reads and writes its own tables by their plain names', async () => {
    const scratch = await scratchWith(component('alpha', 'full', notes));
    const pool = scratch.pool('alpha');
    await pool.query(`insert into notes (text) values ('a')`);
    await pool.query(`update notes set text = 'b'`);
    expect((await pool.query('select text from notes')).rows).toEqual([{ text: 'b' }]);
    expect((await pool.query('delete from notes')).rowCount).toBe(1);
  });

  it('gets nowhere else: not to another component, the history, the passwords, or the making of tables', async () => {
    const scratch = await scratchWith(component('alpha', 'full', notes), component('beta', 'full', notes));
    const pool = scratch.pool('alpha');
    for (const sql of [
      'select * from beta.notes',
      `insert into beta.notes (text) values ('x')`,
      'select * from countersign_meta.migrations',
      'update countersign_meta.migrations set sha256 = $$x$$',
      'select rolpassword from pg_authid',
      'create table alpha.mine (n int)',
      'create table public.mine (n int)',
      'create schema mine',
      'create role mine',
      'create database mine',
      'truncate alpha.notes',
      'drop table alpha.notes',
      `set role ${pg.escapeIdentifier(scratch.connection.user)}`,
    ])
      await expect(pool.query(sql), sql).rejects.toMatchObject({ code: expect.stringMatching(/^42501$/) });
    const [, beta] = scratch.components;
    await expect(pool.query(`set role ${beta?.role}`)).rejects.toMatchObject(denied);
  });

  it('with insert-and-read can add and read, but not change or remove, also in tables of later migrations', async () => {
    const ledger = component('ledger', 'insert-and-read', entries);
    const scratch = await scratchWith(ledger);
    component('ledger', 'insert-and-read', {
      '0002_more.sql': 'create table more (id bigserial primary key, leaf text);',
    });
    await migrate({ database: scratch.database, components: scratch.components });
    const pool = scratch.pool('ledger');
    for (const table of ['entries', 'more']) {
      await pool.query(`insert into ${table} (leaf) values ('a')`);
      expect((await pool.query(`select leaf from ${table}`)).rows).toEqual([{ leaf: 'a' }]);
      for (const sql of [
        `update ${table} set leaf = 'b'`,
        `delete from ${table}`,
        `truncate ${table}`,
        `insert into ${table} (id, leaf) values (1, 'c') on conflict (id) do update set leaf = 'c'`,
        `select setval('${table}_id_seq', 1)`,
        `alter table ${table} disable trigger all`,
      ])
        await expect(pool.query(sql), sql).rejects.toMatchObject(denied);
    }
  });

  it('loses rights that a release takes away', async () => {
    const scratch = await scratchWith(component('alpha', 'full', notes));
    const narrower = scratch.components.map((its) => ({ ...its, grants: 'insert-and-read' as const }));
    await migrate({ database: scratch.database, components: narrower });
    await expect(scratch.pool('alpha').query('delete from notes')).rejects.toMatchObject(denied);
  });

  it('may call the functions of its own schema', async () => {
    const erase = `create function erase(the_id bigint) returns void language sql security definer set search_path = ledger, pg_temp
                   as $$ update entries set leaf = '' where id = the_id $$;`;
    const scratch = await scratchWith(
      component('ledger', 'insert-and-read', { ...entries, '0002_erase.sql': erase }),
      component('beta', 'full', {}),
    );
    const pool = scratch.pool('ledger');
    await pool.query(`insert into entries (leaf) values ('a')`);
    await pool.query('select erase(1)');
    expect((await pool.query('select leaf from entries')).rows).toEqual([{ leaf: '' }]);
    await expect(scratch.pool('beta').query('select ledger.erase(1)')).rejects.toMatchObject(denied);
  });
});

describe('migrating', () => {
  it('applies each migration once, however many nodes start together', async () => {
    const scratch = await scratchWith(component('alpha', 'full', notes));
    component('alpha', 'full', {
      '0002_column.sql': 'alter table notes add column extra int;',
      '0003_row.sql': `insert into notes (text) values ('once');`,
    });
    const nodes = [1, 2, 3, 4].map(() => migrate({ database: scratch.database, components: scratch.components }));
    const applied = (await Promise.all(nodes)).flat();
    expect(applied.map(({ fileName }) => fileName)).toEqual(['0002_column.sql', '0003_row.sql']);
    expect((await scratch.pool('alpha').query('select text from notes')).rows).toEqual([{ text: 'once' }]);
  });

  it('refuses a migration that was changed after it was applied, but not for its line ends', async () => {
    const scratch = await scratchWith(
      component('alpha', 'full', { '0001_two_lines.sql': 'create table a (n int);\ncreate table b (n int);\n' }),
    );
    const again = () => migrate({ database: scratch.database, components: scratch.components });
    component('alpha', 'full', { '0001_two_lines.sql': 'create table a (n int);\r\ncreate table b (n int);\r\n' });
    expect(await again()).toEqual([]);
    component('alpha', 'full', { '0001_two_lines.sql': 'create table a (n bigint);\n' });
    await expect(again()).rejects.toMatchObject({
      code: 'migration_changed',
      facts: { component: 'alpha', fileName: '0001_two_lines.sql' },
    });
  });

  it('refuses a database that a later release has migrated, before touching any component', async () => {
    const scratch = await scratchWith(
      component('alpha', 'full', notes),
      component('beta', 'full', { ...notes, '0002_later.sql': 'create table later ();' }),
    );
    component('alpha', 'full', { '0002_new.sql': 'create table new_one (n int);' });
    rmSync(join(folder, 'beta', '0002_later.sql'));
    await expect(migrate({ database: scratch.database, components: scratch.components })).rejects.toMatchObject({
      code: 'migration_unknown',
      detail: expect.stringContaining('0002_later'),
    });
    expect(await asOwner(scratch, `select to_regclass('alpha.new_one') as it`)).toEqual([{ it: null }]);
  });

  it('refuses a migration that slips in before one already applied', async () => {
    const scratch = await scratchWith(component('alpha', 'full', { '0002_second.sql': 'create table second ();' }));
    component('alpha', 'full', { '0001_first.sql': 'create table first ();' });
    await expect(migrate({ database: scratch.database, components: scratch.components })).rejects.toMatchObject({
      code: 'migration_out_of_order',
    });
  });

  it('rolls a failing migration back whole, names it, and goes on from there once it is mended', async () => {
    const scratch = await scratchWith(component('alpha', 'full', notes));
    component('alpha', 'full', { '0002_bad.sql': 'create table half (n int); select no_such_thing;' });
    const again = () => migrate({ database: scratch.database, components: scratch.components });
    await expect(again()).rejects.toMatchObject({
      code: 'migration_failed',
      detail: expect.stringContaining('0002_bad.sql'),
    });
    expect(await asOwner(scratch, `select to_regclass('alpha.half') as it`)).toEqual([{ it: null }]);
    component('alpha', 'full', { '0002_bad.sql': 'create table half (n int);' });
    expect(await again()).toHaveLength(1);
  });

  it.each([
    ['a name without a number', { 'notes.sql': 'select 1' }],
    ['a number used twice', { '0001_a.sql': 'select 1', '0001_b.sql': 'select 1' }],
    ['a file that ends its own transaction', { '0001_a.sql': 'create table a ();\ncommit;\n' }],
  ])('refuses %s', async (_, files) => {
    await expect(scratchWith(component('alpha', 'full', files))).rejects.toMatchObject({ code: 'migration_misnamed' });
  });

  it('refuses another secret for the roles, unless told to adopt it', async () => {
    const scratch = await scratchWith(component('alpha', 'full', notes));
    const database = { ...scratch.database, rolesSecret: rolesSecret(randomBytes(32).toString('hex')) };
    const { components } = scratch;
    await expect(migrate({ database, components })).rejects.toMatchObject({ code: 'roles_secret_mismatch' });
    expect((await scratch.pool('alpha').query('select 1 as n')).rows).toEqual([{ n: 1 }]);
    await migrate({ database, components, adoptRolesSecret: true });
    await expect(scratch.pool('alpha').query('select 1')).rejects.toMatchObject({ code: '28P01' });
  });

  it('refuses a role that exists and may do more than a component should', async () => {
    const scratch = await scratchWith(component('alpha', 'full', notes));
    const [alpha] = scratch.components;
    await asOwner(scratch, `alter role ${alpha?.role} createrole`);
    await expect(migrate({ database: scratch.database, components: scratch.components })).rejects.toMatchObject({
      code: 'database_role_unsafe',
    });
  });

  it('keeps no password in the database that could be used to sign in', async () => {
    const scratch = await scratchWith(component('alpha', 'full', notes));
    const [row] = await asOwner(
      scratch,
      `select rolpassword from pg_authid where rolname = '${scratch.components[0]?.role}'`,
    );
    expect(row?.['rolpassword']).toMatch(/^SCRAM-SHA-256\$4096:/);
  });
});

describe('an owner that is no superuser', () => {
  const name = `owner_${randomBytes(4).toString('hex')}`;
  let host: ScratchDatabase;
  beforeEach(async () => {
    host = await scratchWith();
    await asOwner(host, `create role ${name} login password 'of-this-test'`);
  });
  afterEach(async () => {
    for (const role of [`${name}_alpha`, name])
      await asOwner(host, `drop owned by ${role} cascade; drop role ${role}`).catch(() => undefined);
  });

  it('is told what it lacks, and then is enough, over a URL', async () => {
    const { host: address, port, database } = host.connection;
    const connection = { url: `postgres://${name}:of-this-test@${address}:${port}/${database}?sslmode=disable` };
    const components = [{ ...component('alpha', 'full', notes), role: `${name}_alpha` }];
    const again = () => migrate({ database: { ...host.database, connection }, components });
    await expect(again()).rejects.toMatchObject({
      code: 'database_owner_unprivileged',
      detail: expect.stringContaining('CREATEROLE'),
    });
    await asOwner(host, `grant create on database ${database} to ${name}; alter role ${name} createrole`);
    expect(await again()).toHaveLength(1);
    expect(await again()).toEqual([]);
  });
});
