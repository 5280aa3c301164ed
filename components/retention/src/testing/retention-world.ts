import { newId, systemRandom } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import {
  createMemoryLog,
  createTestDatabase,
  everybodyIndependent,
  everyProposerActive,
  fixedClock,
} from '@countersign/testkit';
import type { Requester, RetentionDependencies } from '../dependencies.ts';
import { createRetention, type RunningRetention, retentionMigrations } from '../index.ts';
import { createSmallCustody } from './small-custody.ts';

export const operator = '5493001KJTIIGC8Y1R12';
const person = (name: string, chain: readonly string[] = []): Requester => ({
  ...{ id: `person:${name}`, institution: operator },
  through: chain,
  client: 'console',
});
export const paula = person('paula.records');
export const colin = person('colin.counsel');
export const tessa = person('tessa.trader');
/** As records name them. */
export const asActor = ({ id, institution = operator }: Requester) => ({ id, institution });
/** Software that acts for Paula. */
export const paulasAgent: Requester = {
  ...{ id: 'agent:archivist', institution: operator },
  through: ['person:paula.records'],
  client: 'archivist',
};

const years = 365.25 * 86_400_000;

/** Retention on a database of its own, over a log that the test controls. */
export async function createRetentionWorld() {
  const scratch = await createTestDatabase({ components: [retentionMigrations] });
  const clock = fixedClock(Date.parse('2036-03-01T12:00:00Z'));
  const logger = createLogger({ level: 'silent', name: 'test' });
  const log = createMemoryLog(clock);
  const custody = createSmallCustody(log, clock);
  const nodes: RunningRetention[] = [];

  function node(
    given: Partial<Pick<RetentionDependencies, 'proposerStanding' | 'independence' | 'audit'>> = {},
  ): RunningRetention {
    const retention = createRetention({
      proposerStanding: everyProposerActive,
      independence: everybodyIndependent,
      audit: log,
      ...given,
      pool: scratch.pool('retention'),
      ...{ log, custody, clock, logger },
      random: systemRandom,
      everyMs: 3_600_000,
    });
    nodes.push(retention);
    return retention;
  }

  return {
    ...{ scratch, clock, log, custody, node },
    retention: node(),
    /** Writes a record dated `ago` in the past. */
    aged(ago: number, draft: Parameters<typeof log.write>[0]) {
      clock.advance(-ago * years);
      const { record } = log.write(draft);
      clock.advance(ago * years);
      return record;
    },
    transaction: () => newId('transaction', { clock, random: systemRandom }),
    async close() {
      await Promise.all(nodes.map((retention) => retention.stop()));
      await scratch.drop();
    },
  };
}
export type RetentionWorld = Awaited<ReturnType<typeof createRetentionWorld>>;
