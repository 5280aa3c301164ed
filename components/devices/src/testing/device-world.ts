import type { RecordDraft } from '@countersign/contracts';
import { systemRandom } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, fixedClock, testRowSeal } from '@countersign/testkit';
import type { DevicesConfiguration } from '../config.ts';
import { createDevices, devicesMigrations, type RunningDevices } from '../index.ts';
import { bank, broker, deviceDirectory } from './device-directory.ts';
import { createTestKey, reportOf } from './device-keys.ts';

export const issuer = 'https://countersign.example';
export const manager = { id: 'service:mdm', institution: broker };

/** A database, a directory, a log, a clock, and any number of nodes. */
export async function createDeviceWorld() {
  const database = await createTestDatabase({ components: [devicesMigrations] });
  const clock = fixedClock(Date.parse('2026-11-21T09:00:00Z'));
  const audit = createMemoryLog(clock);
  const directory = deviceDirectory();
  const logger = createLogger({ level: 'silent', name: 'test' });
  const feedKey = createTestKey();
  const nodes: RunningDevices[] = [];
  let lastRecord: RecordDraft['type'] | undefined;
  const log: typeof audit = {
    ...audit,
    async append(draft) {
      const recorded = await audit.append(draft);
      if (draft.type === lastRecord) {
        lastRecord = undefined;
        throw new Error('the process died');
      }
      return recorded;
    },
  };

  const role = database.components[0]?.role ?? '';

  async function node(config: Partial<DevicesConfiguration> = {}): Promise<RunningDevices> {
    const made = await createDevices({
      pool: database.pool('devices'),
      access: {
        database: database.database,
        role,
        schema: devicesMigrations.schema,
        applicationName: 'devices-test',
      },
      ...{ audit: log, directory, clock, logger },
      random: systemRandom,
      rowSeal: testRowSeal,
      config: {
        issuer,
        environment: 'development',
        feeds: [
          { name: 'edr', institution: broker, keys: [{ ...feedKey.jwk, kid: 'feed-1' }] },
          { name: 'bank-mdm', institution: bank, keys: [{ ...feedKey.jwk, kid: 'feed-1' }] },
        ],
        ...config,
      },
    });
    nodes.push(made);
    return made;
  }

  return {
    ...{ database, clock, audit, directory, logger, feedKey, node },
    /** A report of the broker's feed, issued now unless `claims` say otherwise. */
    report: (devices: readonly object[], claims: object = {}) =>
      reportOf(feedKey, { iss: 'edr', aud: issuer, iat: clock.now() / 1000, devices, ...claims }),
    /** The process dies when the next record of this type is durable: nothing is stored after it. */
    dieAfter(type: RecordDraft['type']) {
      lastRecord = type;
    },
    async close() {
      await Promise.all(nodes.map((each) => each.stop()));
      await database.drop();
    },
  };
}
export type DeviceWorld = Awaited<ReturnType<typeof createDeviceWorld>>;
