import { systemRandom } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { createMemoryLog, createMemoryNotices, createTestDatabase, fixedClock } from '@countersign/testkit';
import { authenticationMigrations, createRisk, type Risk, type RiskConfiguration } from '../index.ts';
import { peopleDirectory } from './people.ts';

export type RiskWorld = Awaited<ReturnType<typeof createRiskWorld>>;

/** A database, a directory, a log, a clock, and as many nodes as are asked for. */
export async function createRiskWorld() {
  const database = await createTestDatabase({ components: [authenticationMigrations] });
  const clock = fixedClock(Date.UTC(2026, 10, 21, 9));
  const audit = createMemoryLog(clock);
  const directory = peopleDirectory();
  const logger = createLogger({ level: 'silent', name: 'test' });
  const notices = createMemoryNotices();
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
      notices,
    });
    nodes.push(made);
    return made;
  }

  return {
    ...{ database, clock, audit, directory, notices: notices.told, node },
    async close() {
      await Promise.all(nodes.map((each) => each.stop()));
      await database.drop();
    },
  };
}
