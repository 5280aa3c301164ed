import { componentPool } from '@countersign/runtime';
import { createFaultyProxy } from '@countersign/testkit';
import { describeAuditLog } from '@countersign/testkit/conformance';
import { createRig } from './testing/rig.ts';

describeAuditLog('the component on its database', async () => {
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
});
