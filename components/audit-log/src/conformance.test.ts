import { systemRandom } from '@countersign/kernel';
import { componentPool } from '@countersign/runtime';
import { createFaultyProxy } from '@countersign/testkit';
import {
  describeAuditLog,
  describeComponent,
  describeRecordPages,
  describeUnfitCalls,
  overMutualTls,
} from '@countersign/testkit/conformance';
import { remoteContract } from '@countersign/wire';
import { afterAll, beforeAll } from 'vitest';
import { createRecordPages } from './index.ts';
import { createRig, draft, type Rig } from './testing/rig.ts';

async function logOnItsDatabase() {
  const rig = await createRig();
  const proxy = await createFaultyProxy({ target: rig.scratch.connection });
  const own = rig.scratch.components.find(({ name }) => name === 'audit-log');
  if (own === undefined) throw new Error('no component');
  const pool = componentPool({
    database: { ...rig.scratch.database, connection: proxy.through(rig.scratch.connection) },
    role: own.role,
    schema: own.schema,
    applicationName: 'conformance',
    maxConnections: 4,
    byIndexAlone: true,
  });
  const log = await rig.open({ pool });
  return {
    log,
    clock: rig.clock,
    breakDown: () => proxy.refuse(),
    repair: () => proxy.restore(),
    async close() {
      await log.stop();
      await pool.end();
      await proxy.close();
      await rig.close();
    },
  };
}

describeAuditLog('the component on its database', logOnItsDatabase);
describeAuditLog('the component in another process', async () => {
  const made = await logOnItsDatabase();
  const wire = await overMutualTls('audit-log', made.log);
  return {
    ...made,
    log: remoteContract('audit-log', wire.peer),
    async close() {
      await wire.stop();
      await made.close();
    },
  };
});

const institution = '5299000J2N45DDNE4Y28';
let rig: Rig;
let log: Awaited<ReturnType<Rig['open']>>;
beforeAll(async () => {
  rig = await createRig();
  log = await rig.open();
  for (let number = 0; number < 30; number += 1)
    await log.append(
      draft({
        ...{ type: 'decision.made', outcome: 'permit', subject: { id: `person:${number}`, institution } },
        data: { decision: { number } },
        protectedValues: [{ kind: 'strategy', subject: institution, path: '/data/decision/input', value: { number } }],
      }),
    );
});
afterAll(() => rig.close());

describeUnfitCalls('audit-log', async () => ({ contract: log }));

describeComponent(describeRecordPages, async () => {
  const pages = createRecordPages({ log, random: systemRandom });
  return {
    contract: pages,
    query: { types: ['decision.made'], values: ['/data/decision/input'] } as const,
    records: 30,
    close: () => pages.stop(),
  };
});
