import type { KeyPurpose, PublicKey } from '@countersign/contracts';
import { newId, systemRandom, type TransactionId } from '@countersign/kernel';
import { createHttpServer, createKeyring, createLogger, createMetrics } from '@countersign/runtime';
import { createTestDatabase, fixedClock } from '@countersign/testkit';
import {
  createTimeStamping,
  type RunningTimeStamping,
  type TimeStampingDependencies,
  type TimeStampingRoutes,
  timeStampingMigrations,
  timeStampingRoutes,
} from '../index.ts';
import { createCheckpointedLog } from './checkpointed-log.ts';

/** Never automatic: tests start it. */
const never = 3_600_000;

export const operator = { id: 'service:countersign', institution: '5493001KJTIIGC8Y1R12' };

/** Time stamping on a database of its own, with a log that the test controls. */
export async function createTimeStampingWorld() {
  const scratch = await createTestDatabase({ components: [timeStampingMigrations] });
  // About the real time, since external tools have clocks of their own.
  const clock = fixedClock(Date.now());
  const logger = createLogger({ level: 'silent', name: 'test' });
  const random = systemRandom;
  const log = createCheckpointedLog(clock);
  const signer = await createKeyring<'time-stamp'>({
    ...{ clock, logger, random },
    pool: scratch.pool('time-stamping'),
    sealingKey: { bytes: random.bytes(32) },
    purposes: {
      ['time-stamp' satisfies KeyPurpose]: {
        algorithm: 'ES256',
        publicationLeadSeconds: 300,
        longestSignedLifeSeconds: 10 * 365 * 86_400,
      },
    },
  });
  const nodes: RunningTimeStamping[] = [];
  const servers: ReturnType<typeof createHttpServer>[] = [];

  function node(changes: Partial<TimeStampingDependencies> = {}): RunningTimeStamping {
    const one = createTimeStamping({
      pool: scratch.pool('time-stamping'),
      ...{ log, signer, clock, random, logger },
      by: operator,
      organization: 'Example Bank AG',
      everyMs: never,
      ...changes,
    });
    nodes.push(one);
    return one;
  }

  return {
    ...{ scratch, clock, log, random, node },
    /** The current signing key. */
    key: (): Promise<PublicKey> => signer.current('time-stamp'),
    withdraw: (kid: string) => signer.withdraw('time-stamp', kid),
    transaction: (): TransactionId => newId('transaction', { clock, random }),

    async serve(of: RunningTimeStamping, changes: Partial<TimeStampingRoutes> = {}) {
      const app = createHttpServer({ logger, metrics: createMetrics() });
      timeStampingRoutes(app, { authority: of.authority, certificates: of.certificates, clock, ...changes });
      await app.ready();
      servers.push(app);
      return app;
    },

    async close() {
      await Promise.all(nodes.map((one) => one.stop()));
      await Promise.all(servers.map((app) => app.close()));
      await signer.stop();
      await scratch.drop();
    },
  };
}
export type TimeStampingWorld = Awaited<ReturnType<typeof createTimeStampingWorld>>;
