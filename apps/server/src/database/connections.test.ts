import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@countersign/kernel';
import { createLifecycle, createLogger, createMetrics } from '@countersign/runtime';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startComponents } from '../components/start-components.ts';
import { prepareDevelopment } from '../configuration/development.ts';
import { connectionsOf, openControlPlaneDatabase } from './database.ts';
import { migratedComponents } from './migrated-components.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const lifecycle = createLifecycle({ logger });
const folder = mkdtempSync(join(tmpdir(), 'connections-'));
const pools: pg.Pool[] = [];
let owner: pg.Client;

beforeAll(async () => {
  const { configuration } = prepareDevelopment({ dataFolder: join(folder, 'data'), port: 7420 });
  const opened = await openControlPlaneDatabase({
    configuration,
    components: migratedComponents,
    lifecycle,
    logger,
    onProgress: () => undefined,
  });
  const database: typeof opened = {
    ...opened,
    pool(component, options) {
      const pool = opened.pool(component, options);
      pools.push(pool);
      return pool;
    },
  };
  await startComponents({
    ...{ configuration, database, lifecycle, logger, metrics: createMetrics(), clock: systemClock },
    unfitRecords: 'throw',
  });
  const { connection } = opened.database;
  owner = new pg.Client('url' in connection ? { connectionString: connection.url } : { ...connection });
  await owner.connect();
}, 120_000);
afterAll(async () => {
  await owner?.end();
  await lifecycle.stop();
  rmSync(folder, { recursive: true, force: true });
}, 120_000);

async function asked(text: string): Promise<number> {
  const { rows } = await owner.query<{ number: number }>(text);
  return rows[0]?.number ?? Number.NaN;
}

describe('the connections of a process with every pool full', () => {
  it('match the number in the README, and the embedded server has room for two such processes', async () => {
    const held = await Promise.all(
      pools.flatMap((pool) => Array.from({ length: pool.options.max }, () => pool.connect())),
    );
    try {
      const open = await asked(
        "select count(*)::int as number from pg_stat_activity where application_name like 'countersign %'",
      );
      // More than the pools': some listen.
      expect(open).toBeGreaterThan(held.length);
      expect(open).toBeLessThanOrEqual(161);
      const { rows } = await owner.query<{ role: string; open: number; may: number }>(
        `select usename as role, count(*)::int as open, rolconnlimit as may
           from pg_stat_activity join pg_roles on rolname = usename
          where application_name like 'countersign %' group by usename, rolconnlimit`,
      );
      expect(rows).toHaveLength(migratedComponents.length);
      for (const { name, role } of migratedComponents) {
        const found = rows.find((row) => row.role === role);
        expect(found?.may, role).toBe(2 * connectionsOf(name));
        // The number found, and connections for bulk reads or simulations, which are rare.
        const now = name === 'audit-log' ? 4 : name === 'policy-engine' ? 1 : 0;
        expect((found?.open ?? 0) + now, role).toBe(connectionsOf(name));
      }
      expect(await asked("select current_setting('max_connections')::int as number")).toBeGreaterThan(2 * open);
    } finally {
      for (const client of held) client.release();
    }
  });
});
