import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { directoryMigrations } from '@countersign/directory';
import { eventPublisherMigrations } from '@countersign/event-publisher';
import { newId, systemClock, systemRandom } from '@countersign/kernel';
import { type ComponentMigrations, createLifecycle, createLogger, createMetrics } from '@countersign/runtime';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Components, startComponents } from './components/start-components.ts';
import { prepareDevelopment } from './configuration/development.ts';
import { type OpenedDatabase, openControlPlaneDatabase } from './database/database.ts';
import { migratedComponents } from './database/migrated-components.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const lifecycle = createLifecycle({ logger });
const folder = mkdtempSync(join(tmpdir(), 'stolen-roles-'));
let opened: OpenedDatabase;
let components: Components;

beforeAll(async () => {
  const { configuration } = prepareDevelopment({ dataFolder: join(folder, 'data'), port: 7420 });
  opened = await openControlPlaneDatabase({
    configuration,
    components: migratedComponents,
    lifecycle,
    logger,
    onProgress: () => undefined,
  });
  components = await startComponents({
    ...{ configuration, database: opened, lifecycle, logger, metrics: createMetrics(), clock: systemClock },
    unfitRecords: 'throw',
  });
}, 120_000);
afterAll(async () => {
  await lifecycle.stop();
  rmSync(folder, { recursive: true, force: true });
}, 120_000);

/** A connection as an attacker with the password of a role has it. */
async function asRole<Result>(
  { role }: ComponentMigrations,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const { connection, rolesSecret } = opened.database;
  const at = 'url' in connection ? { connectionString: connection.url } : { ...connection };
  const client = new pg.Client({ ...at, user: role, password: rolesSecret.passwordOf(role) });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const append = () =>
  components.auditLog.append({
    id: newId('record', { clock: systemClock, random: systemRandom }),
    type: 'access.refused',
    source: 'test',
    outcome: 'deny',
    reason: 'test',
  });

describe.each(migratedComponents.map((component) => [component.role, component] as const))('%s', (_role, component) => {
  it('owns nothing, creates nothing, and is a member of nothing', () =>
    asRole(component, async (client) => {
      const { rows } = await client.query(
        `select (select count(*)::int from pg_shdepend where refclassid = 'pg_authid'::regclass and deptype = 'o'
                    and refobjid = session_user::regrole) as owned,
                (select count(*)::int from pg_auth_members where member = session_user::regrole) as groups`,
      );
      expect(rows).toEqual([{ owned: 0, groups: 0 }]);
      for (const sql of [
        'create temporary table mine (n int)',
        'create table public.mine (n int)',
        'create function public.mine() returns int language sql return 1',
        `create table ${component.schema}.mine (n int)`,
        'create schema mine',
      ])
        await expect(client.query(sql), sql).rejects.toMatchObject({ code: '42501' });
    }));

  it('cannot weaken the durability of the control plane’s connections by presets', () =>
    asRole(component, async (client) => {
      const { rows } = await client.query<{ name: string }>('select current_database() as name');
      const places = ['', ` in database ${pg.escapeIdentifier(rows[0]?.name ?? '')}`];
      for (const where of places)
        for (const setting of ["synchronous_commit = 'off'", "search_path = 'public'", "statement_timeout = '1ms'"])
          await client.query(`alter role ${component.role}${where} set ${setting}`);
      const pool = opened.pool(component, { maxConnections: 1 });
      const settings = await pool.query(
        `select current_setting('synchronous_commit') as commits, current_setting('search_path') as path,
                current_setting('statement_timeout') as statement`,
      );
      expect(settings.rows).toEqual([{ commits: 'on', path: `${component.schema},pg_temp`, statement: '15s' }]);
      for (const where of places) await client.query(`alter role ${component.role}${where} reset all`);
    }));

  it('touches no lock, row or session of another component', () =>
    asRole(component, async (client) => {
      for (const { schema } of migratedComponents.filter((other) => other !== component))
        for (const sql of [
          `select from ${schema}.named_locks`,
          `select from ${schema}.named_locks for update`,
          `begin; lock table ${schema}.named_locks in access share mode`,
        ]) {
          await expect(client.query(sql), sql).rejects.toMatchObject({ code: '42501' });
          await client.query('rollback');
        }
      // The lock of the log's role belongs to that role; no other may take it.
      if (component.schema !== 'audit_log')
        await expect(client.query('select audit_log.take_append_turn()')).rejects.toMatchObject({ code: '42501' });
      const { rows } = await client.query<{ pid: number; query: string; usename: string }>(
        `select pid, query, usename from pg_stat_activity where datname = current_database() and usename <> session_user
            and usename like 'countersign_%'`,
      );
      expect(rows.length).toBeGreaterThan(0);
      for (const { query, usename } of rows) expect(query, usename).toBe('<insufficient privilege>');
      await expect(client.query('select pg_terminate_backend($1)', [rows[0]?.pid])).rejects.toMatchObject({
        code: '42501',
      });
    }));

  it('blocks nobody with advisory locks and notifications', () =>
    asRole(component, async (client) => {
      // The keys that earlier versions locked, and the channels on which nodes listen.
      for (const key of ['4993201861150729217', '7163058014938236711', '7163058014938236714', '5518203374410962883'])
        await client.query('select pg_advisory_lock($1)', [key]);
      for (const channel of ['directory_changes', 'consent_store_changes', 'person_signals'])
        await client.query(`select pg_notify($1, repeat('x', 7000) || n) from generate_series(1, 200) as n`, [channel]);
      expect(await append().catch((error: unknown) => error)).toMatchObject({ id: expect.any(String) });
    }));
});

describe('a client that the role of the directory inserts', () => {
  it('is not accepted, and the difference from the log is recorded', async () => {
    const { directory, auditLog } = components;
    const [own] = directory.clients({ limit: 1 });
    const version = directory.snapshot().version;
    await asRole(directoryMigrations, async (client) => {
      await client.query(
        `insert into directory.entities (kind, id, institution, version, document) values ('client', 'backdoor', $1, $2, $3)`,
        [own?.['institution'], version + 1, { ...own, id: 'backdoor', scopes: ['policy:approve', 'audit:read'] }],
      );
      await client.query('update directory.directory_state set version = version + 1');
    });
    await expect(directory.snapshotAtLeast(version + 1)).rejects.toMatchObject({ code: 'authority_unproven' });
    expect(directory.snapshot().client('backdoor')).toBeUndefined();
    const recorded = await auditLog.search({ type: 'row.rejected' });
    expect(recorded.map(({ record }) => record.data)).toContainEqual(expect.objectContaining({ of: 'directory' }));
  });
});

describe('a webhook whose address the role of the event publisher changes', () => {
  it('is not confirmed when somebody resumes it', async () => {
    const { eventPublisher, directory } = components;
    const [own] = directory.clients({ limit: 1 });
    const institution = String(own?.['institution']);
    const by = { id: 'client:ops', institution };
    const { id } = await eventPublisher.subscribe(
      { institution, url: 'https://receiver.example/events', topics: ['mandate'] },
      by,
    );
    await asRole(eventPublisherMigrations, (client) =>
      client.query(
        `update event_publisher.subscriptions set url = 'https://thief.example/events', status = 'suspended' where id = $1`,
        [id],
      ),
    );
    await expect(eventPublisher.resume(institution, id, by)).rejects.toMatchObject({ code: 'authority_unproven' });
    await eventPublisher.unsubscribe(institution, id, by);
  });
});
