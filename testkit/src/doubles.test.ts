import { databaseErrors } from '@countersign/runtime';
import { describeAuditLog } from './conformance/audit-log.ts';
import { describeSigner } from './conformance/signer.ts';
import { describeSingleUse } from './conformance/single-use.ts';
import { fixedClock } from './fixed-clock.ts';
import { createMemoryLog } from './memory-log.ts';
import { createMemorySigner } from './memory-signer.ts';
import { createMemorySingleUse } from './memory-single-use.ts';

const start = Date.parse('2026-11-21T09:30:00Z');

describeAuditLog('the log in memory', async () => {
  const clock = fixedClock(start);
  const log = createMemoryLog(clock);
  return {
    log,
    clock,
    breakDown: async () => log.breakDown(),
    repair: async () => log.repair(),
    close: async () => undefined,
  };
});

describeSingleUse('the double in memory', async () => {
  const clock = fixedClock(start);
  const singleUse = createMemorySingleUse(clock);
  return {
    nodes: [singleUse],
    clock,
    breakDown: async () => singleUse.failWith(databaseErrors.error('database_unavailable', 'The database is gone.')),
    repair: async () => singleUse.failWith(undefined),
    close: async () => undefined,
  };
});

describeSigner('the double in memory', async () => {
  const signer = createMemorySigner();
  return {
    signer,
    passLead: async (purpose) => signer.activate(purpose),
    passLongestLife: async (purpose) => signer.retire(purpose),
    close: async () => undefined,
  };
});
