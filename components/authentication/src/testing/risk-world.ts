import type { Notices } from '@countersign/contracts';
import { systemRandom } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, fixedClock } from '@countersign/testkit';
import { authenticationMigrations, createRisk, type Risk, type RiskConfiguration } from '../index.ts';
import { peopleDirectory } from './people.ts';

export type RiskWorld = Awaited<ReturnType<typeof createRiskWorld>>;
type Notice = Parameters<Notices['tell']>[0];

/** A database, a directory, a log, a clock, and as many nodes as are asked for. */
export async function createRiskWorld() {
  const database = await createTestDatabase({ components: [authenticationMigrations] });
  const clock = fixedClock(Date.UTC(2026, 10, 21, 9));
  const audit = createMemoryLog(clock);
  const directory = peopleDirectory();
  const logger = createLogger({ level: 'silent', name: 'test' });
  const notices: Notice[] = [];
  const nodes: Risk[] = [];

  async function node(config: RiskConfiguration = {}): Promise<Risk> {
    const made = await createRisk({
      pool: database.pool('authentication'),
      access: {
        database: database.database,
        role: database.components[0]?.role ?? '',
        schema: authenticationMigrations.schema,
        applicationName: 'risk-test',
      },
      ...{ audit, directory, clock, logger, config, random: systemRandom },
      notices: { tell: async (notice) => void notices.push(notice) },
    });
    nodes.push(made);
    return made;
  }

  return {
    ...{ database, clock, audit, directory, notices, node },
    async close() {
      await Promise.all(nodes.map((each) => each.stop()));
      await database.drop();
    },
  };
}
