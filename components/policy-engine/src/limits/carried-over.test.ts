import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemRandom } from '@countersign/kernel';
import { createLogger, migrate } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, fixedClock, testRowSeal } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { policyEngineMigrations } from '../migrations.ts';
import { desk } from '../testing/desk.ts';
import { newTransactionId, orderFacts } from '../testing/limits-world.ts';
import { createLimits } from './limits.ts';

// Counts of an earlier release, carried over by the migration.

const earlier = 'policy-engine';
const folder = mkdtempSync(join(tmpdir(), 'limits-'));
const now = Date.now();
const today = new Date(now).toISOString().slice(0, 10);
const [standing, cancelled, released] = [newTransactionId(), newTransactionId(), newTransactionId()];
let scratch: Awaited<ReturnType<typeof createTestDatabase>>;

beforeAll(async () => {
  const first = '0001_policy_versions_and_limits.sql';
  cpSync(join(fileURLToPath(policyEngineMigrations.migrationsFolder), first), join(folder, first));
  scratch = await createTestDatabase({ components: [{ ...policyEngineMigrations, migrationsFolder: folder }] });
  const pool = scratch.pool(earlier);
  await pool.query(
    `insert into limit_usage (key, day, ccy, used) values ('mandate:mnd_1', $1, 'EUR', 700), ('mandate:mnd_1', '2020-01-01', 'EUR', 5)`,
    [today],
  );
  await pool.query(
    `insert into limit_reservations (reservation, key, day, amount, released)
     values ($2, 'mandate:mnd_1', $1, 500, false), ($3, 'mandate:mnd_1', $1, 200, false), ($4, 'mandate:mnd_1', $1, 90, true),
            ($4, 'mandate:mnd_2', '2020-01-01', 5, false)`,
    [today, ...[standing, cancelled, released].map((id) => `transaction:${id}`)],
  );
  const components = scratch.components.map((component) => ({
    ...component,
    migrationsFolder: policyEngineMigrations.migrationsFolder,
  }));
  await migrate({ database: scratch.database, components });
});
afterAll(async () => {
  await scratch.drop();
  rmSync(folder, { recursive: true });
});

describe('an amount counted by an earlier release', () => {
  it('counts until its window has passed, and cannot be released, since it has no seal', async () => {
    const limits = createLimits({
      pool: scratch.pool(earlier),
      current: () => ({ limits: [] }),
      directory: { snapshot: () => desk },
      transactions: { countsAgainstLimits: async (id) => id === standing },
      audit: createMemoryLog(fixedClock(now)),
      rowSeal: testRowSeal,
      clock: fixedClock(now),
      random: systemRandom,
      logger: createLogger({ level: 'silent', name: 'test' }),
    });
    const claim = (amount: string) => ({
      limit: 'mandate_notional_per_day',
      key: 'mandate:mnd_1',
      measure: 'notional' as const,
      window: { kind: 'day' as const, day: today },
      unit: 'EUR',
      amount,
      max: '1000',
    });
    const reserve = (amount: string) => {
      const facts = orderFacts();
      return limits.reserve({ reservation: facts.id, facts, at: now, further: [claim(amount)] });
    };
    try {
      expect(await reserve('301')).toMatchObject({ outcome: 'exceeded', readings: [{ used: '700' }] });
      expect(await limits.settle()).toBe(2);
      expect(await reserve('300')).toMatchObject({ outcome: 'reserved', readings: [{ used: '700' }] });
      expect(await limits.settle()).toBe(0);
    } finally {
      await limits.stop();
    }
  });
});
