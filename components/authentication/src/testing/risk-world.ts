import type { RecordDraft } from '@countersign/contracts';
import { systemRandom } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { createMemoryLog, createMemoryNotices, createTestDatabase, fixedClock } from '@countersign/testkit';
import { authenticationMigrations, createRisk, type Risk, type RiskConfiguration } from '../index.ts';
import { peopleDirectory } from './people.ts';

export type RiskWorld = Awaited<ReturnType<typeof createRiskWorld>>;

/** A database, a directory, a log, a clock, and a given number of nodes. */
export async function createRiskWorld() {
  const database = await createTestDatabase({ components: [authenticationMigrations] });
  const clock = fixedClock(Date.UTC(2026, 10, 21, 9));
  const log = createMemoryLog(clock);
  let lastRecord: RecordDraft['type'] | undefined;
  const audit: typeof log = {
    ...log,
    async append(draft) {
      const receipt = await log.append(draft);
      if (draft.type !== lastRecord) return receipt;
      lastRecord = undefined;
      throw new Error('the process died');
    },
  };
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
    /** The process stops when the next record of this type is durable: nothing is stored after it. */
    dieAfter(type: RecordDraft['type']) {
      lastRecord = type;
    },
    async close() {
      await Promise.all(nodes.map((each) => each.stop()));
      await database.drop();
    },
  };
}
