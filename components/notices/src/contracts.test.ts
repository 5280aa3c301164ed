import { systemRandom } from '@countersign/kernel';
import { createLogger, type ScratchDatabase } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, fixedClock, leiOf, personOf, testRowSeal } from '@countersign/testkit';
import { describeComponent, describeNotices } from '@countersign/testkit/conformance';
import { afterAll, beforeAll } from 'vitest';
import { createNotices, noticesMigrations, type RunningNotices } from './index.ts';

const institution = leiOf('529900BROKER');
let database: ScratchDatabase;
let notices: RunningNotices;
beforeAll(async () => {
  database = await createTestDatabase({ components: [noticesMigrations] });
  const clock = fixedClock(Date.UTC(2026, 10, 21, 9));
  notices = createNotices({
    ...{ pool: database.pool('notices'), audit: createMemoryLog(clock), rowSeal: testRowSeal, clock },
    ...{ random: systemRandom, logger: createLogger({ level: 'silent', name: 'test' }), environment: 'production' },
    // Nothing is delivered, so that waiting notices can be counted.
    ...{ channels: [{ name: 'none', send: () => Promise.reject(new Error('down')) }], everyMs: 3_600_000 },
  });
});
afterAll(async () => {
  await notices.stop();
  await database.drop();
});

describeComponent(describeNotices, async () => ({
  contract: notices,
  to: personOf('anna.keller', institution).id,
  institution,
  async taken() {
    const { rows } = await database.pool('notices').query<{ n: number }>('select count(*)::int as n from notices');
    return rows[0]?.n ?? 0;
  },
}));
