import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type ComponentMigrations,
  componentPool,
  createScratchDatabase,
  listen,
  migrate,
  rolesSecret,
  type ScratchDatabase,
  takeNamedLock,
  transaction,
  tryNamedLock,
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

  it('reaches nothing else: no other component, history, passwords, or creation of tables', async () => {
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

  it('with insert-and-read can add and read but not change or remove, also in tables of later migrations', async () => {
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

  it('loses privileges that a release revokes', async () => {
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

  it('refuses a migration that was changed after it was applied, except for line ends', async () => {
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

  it('refuses a database that a later release has migrated, before changing any component', async () => {
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

  it('refuses a migration inserted before one already applied', async () => {
    const scratch = await scratchWith(component('alpha', 'full', { '0002_second.sql': 'create table second ();' }));
    component('alpha', 'full', { '0001_first.sql': 'create table first ();' });
    await expect(migrate({ database: scratch.database, components: scratch.components })).rejects.toMatchObject({
      code: 'migration_out_of_order',
    });
  });

  it('rolls back a failing migration completely, names it, and continues from there once it is fixed', async () => {
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

  it('refuses another secret for the roles, unless asked to adopt it', async () => {
    const scratch = await scratchWith(component('alpha', 'full', notes));
    const database = { ...scratch.database, rolesSecret: rolesSecret(randomBytes(32).toString('hex')) };
    const { components } = scratch;
    await expect(migrate({ database, components })).rejects.toMatchObject({ code: 'roles_secret_mismatch' });
    expect((await scratch.pool('alpha').query('select 1 as n')).rows).toEqual([{ n: 1 }]);
    await migrate({ database, components, adoptRolesSecret: true });
    await expect(scratch.pool('alpha').query('select 1')).rejects.toMatchObject({ code: '28P01' });
  });

  it('refuses an existing role with more privileges than a component should have', async () => {
    const scratch = await scratchWith(component('alpha', 'full', notes));
    const [alpha] = scratch.components;
    await asOwner(scratch, `alter role ${alpha?.role} createrole`);
    await expect(migrate({ database: scratch.database, components: scratch.components })).rejects.toMatchObject({
      code: 'database_role_unsafe',
    });
  });

  it('stores no usable password in the database', async () => {
    const scratch = await scratchWith(component('alpha', 'full', notes));
    const [row] = await asOwner(
      scratch,
      `select rolpassword from pg_authid where rolname = '${scratch.components[0]?.role}'`,
    );
    expect(row?.['rolpassword']).toMatch(/^SCRAM-SHA-256\$4096:/);
  });
});

describe('the role of a component', () => {
  const locks = { '0001_locks.sql': `insert into named_locks (name) values ('turn')` };
  const presets = [
    "set synchronous_commit = 'off'",
    "set statement_timeout = '1ms'",
    "set default_transaction_read_only = 'on'",
    "set transform_null_equals = 'on'",
    "set search_path = 'public'",
    "set work_mem = '64kB'",
    "set enable_indexscan = 'off'",
  ];
  const settings = `select current_setting('synchronous_commit') as commits, current_setting('statement_timeout') as statement,
      current_setting('default_transaction_read_only') as read_only, current_setting('transform_null_equals') as nulls,
      current_setting('search_path') as path, current_setting('work_mem') as memory,
      current_setting('enable_indexscan') as indexes`;
  const ours = {
    commits: 'on',
    statement: '15s',
    read_only: 'off',
    nulls: 'off',
    path: 'alpha,pg_temp',
    memory: '4MB',
    indexes: 'on',
  };

  it.each(['', ' in database'])(
    'cannot preset a setting that our connections do not override (alter role%s)',
    async (where) => {
      const scratch = await scratchWith(component('alpha', 'full', notes));
      const [alpha] = scratch.components;
      const inDatabase = where === '' ? '' : ` in database ${scratch.connection.database}`;
      for (const preset of presets)
        await scratch.pool('alpha').query(`alter role ${alpha?.role}${inDatabase} ${preset}`);
      // Each is made after the presets.
      expect((await scratch.pool('alpha').query(settings)).rows).toEqual([ours]);
      const quick = scratch.pool('alpha', { synchronousCommit: 'off' });
      expect((await quick.query(settings)).rows).toEqual([{ ...ours, commits: 'off' }]);

      await migrate({ database: scratch.database, components: scratch.components });
      expect(
        await asOwner(scratch, `select from pg_db_role_setting where setrole = '${alpha?.role}'::regrole`),
      ).toEqual([]);
    },
  );

  it('cannot preset an idle timeout that ends a listening connection', async () => {
    const scratch = await scratchWith(component('alpha', 'full', notes));
    const [alpha] = scratch.components;
    if (alpha === undefined) throw new Error('the scratch database has lost its component');
    const pool = scratch.pool('alpha');
    await pool.query(`alter role ${alpha.role} set idle_session_timeout = '20ms'`);
    const { role, schema } = alpha;
    let heard = 0;
    let reconnects = 0;
    const subscription = await listen({
      ...{ database: scratch.database, role, schema, applicationName: 'quiet', channel: 'quiet' },
      onNotify: () => {
        heard++;
      },
      onReconnect: () => {
        reconnects++;
      },
    });
    await pool.query('select pg_sleep(0.3)');
    await pool.query('notify quiet');
    await vi.waitFor(() => expect(heard).toBe(1), 60_000);
    expect(reconnects).toBe(0);
    await subscription.close();
  });

  it('has none of the privileges that the database gives to everyone: temporary tables, and the schema public', async () => {
    const scratch = await scratchWith();
    await asOwner(scratch, 'grant create on schema public to public');
    const alpha = component('alpha', 'full', notes);
    const components = [{ ...alpha, role: `alpha_${randomBytes(4).toString('hex')}` }];
    await migrate({ database: scratch.database, components });
    const [{ role, schema } = alpha] = components;
    const pool = componentPool({ database: scratch.database, role, schema, applicationName: 'alpha' });
    for (const sql of [
      'create temporary table mine (n int)',
      'create table public.mine (n int)',
      'create function public.mine() returns int language sql return 1',
    ])
      await expect(pool.query(sql), sql).rejects.toMatchObject(denied);
    await pool.end();
    await asOwner(scratch, `drop owned by ${role}; drop role ${role}`);
  });

  it('prevents the start if it owns anything: only the owner of the database creates objects', async () => {
    const scratch = await scratchWith(component('alpha', 'full', notes));
    const [alpha] = scratch.components;
    await asOwner(scratch, `create table public.kept (n int); alter table public.kept owner to ${alpha?.role}`);
    await expect(migrate({ database: scratch.database, components: scratch.components })).rejects.toMatchObject({
      code: 'database_role_unsafe',
      detail: expect.stringContaining('something that it owns'),
    });
    await asOwner(scratch, 'drop table public.kept');
  });

  it('cannot keep a node from migrating, whatever it locks', async () => {
    const scratch = await scratchWith(component('alpha', 'full', notes));
    const pool = scratch.pool('alpha');
    await expect(pool.query('begin; lock table countersign_meta.migrating')).rejects.toMatchObject(denied);
    // The key of an earlier release.
    await pool.query('select pg_advisory_lock(4993201861150729217)');
    expect(await migrate({ database: scratch.database, components: scratch.components, waitMs: 5_000 })).toEqual([]);
  });

  it('has its own named locks, which no other role has', async () => {
    const scratch = await scratchWith(component('alpha', 'full', locks), component('beta', 'insert-and-read', locks));
    const [alpha, beta] = [scratch.pool('alpha'), scratch.pool('beta', { lockTimeoutMs: 200 })];
    const other = scratch.pool('beta', { lockTimeoutMs: 200 });
    await transaction(beta, async (holder) => {
      await takeNamedLock(holder, 'turn');
      // The same name in another component is another lock.
      expect(await transaction(alpha, (session) => tryNamedLock(session, 'turn'))).toBe(true);
      expect(await transaction(other, (session) => tryNamedLock(session, 'turn'))).toBe(false);
      await expect(transaction(other, (session) => takeNamedLock(session, 'turn'))).rejects.toMatchObject({
        code: 'database_unavailable',
      });
    });
    expect(await transaction(beta, (session) => tryNamedLock(session, 'turn'))).toBe(true);
    for (const sql of [
      'select from beta.named_locks for update',
      'begin; lock table beta.named_locks',
      'delete from beta.named_locks',
    ])
      await expect(alpha.query(sql), sql).rejects.toMatchObject(denied);
  });

  it('opens no more connections than allowed, and leaves the rest to others', async () => {
    const alpha = { ...component('alpha', 'full', notes), connectionLimit: 2 };
    const scratch = await scratchWith(alpha, component('beta', 'full', notes));
    const pool = scratch.pool('alpha', { maxConnections: 3 });
    const held = [await pool.connect(), await pool.connect()];
    await expect(pool.connect()).rejects.toMatchObject({ code: '53300' });
    expect((await scratch.pool('beta').query('select 1 as n')).rows).toEqual([{ n: 1 }]);
    for (const client of held) client.release();
    await expect(pool.query(`alter role ${scratch.components[0]?.role} connection limit -1`)).rejects.toMatchObject(
      denied,
    );
  });
});

describe('an owner that is not a superuser', () => {
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

  it('is informed of missing privileges, and then suffices, over a URL', async () => {
    const { host: address, port, database } = host.connection;
    const connection = { url: `postgres://${name}:of-this-test@${address}:${port}/${database}?sslmode=disable` };
    const components = [{ ...component('alpha', 'full', notes), role: `${name}_alpha` }];
    const again = () => migrate({ database: { ...host.database, connection }, components });
    await expect(again()).rejects.toMatchObject({
      code: 'database_owner_unprivileged',
      detail: expect.stringContaining('CREATEROLE'),
    });
    await asOwner(host, `grant create on database ${database} to ${name}; alter role ${name} createrole`);
    await expect(again()).rejects.toMatchObject({
      code: 'database_role_unsafe',
      detail: expect.stringContaining(
        `revoke create, temporary on database ${pg.escapeIdentifier(database)} from public`,
      ),
    });
    await asOwner(host, `revoke create, temporary on database ${database} from public`);
    expect(await again()).toHaveLength(1);
    expect(await again()).toEqual([]);
  });
});
