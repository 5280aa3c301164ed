import { systemRandom } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { createTestDatabase, fixedClock } from '@countersign/testkit';
import {
  type ConsentStoreDependencies,
  consentStoreMigrations,
  createConsentStore,
  type RunningConsentStore,
} from '../index.ts';
import { createAuditCollector } from './audit-collector.ts';
import { firms, people } from './firms.ts';
import { createSmallDirectory } from './small-directory.ts';

/** A consent store on a database of its own, with a log and a directory that the test holds in its hands. */
export async function createConsentWorld() {
  const scratch = await createTestDatabase({ components: [consentStoreMigrations] });
  const clock = fixedClock(Date.parse('2026-06-15T10:00:00Z'));
  const audit = createAuditCollector(clock);
  const directory = createSmallDirectory({ institutions: firms, principals: people });
  const nodes: RunningConsentStore[] = [];
  const role = scratch.components.find(({ name }) => name === 'consent-store')?.role ?? '';

  /** A further node on the same database. */
  async function node(changes: Partial<ConsentStoreDependencies> = {}): Promise<RunningConsentStore> {
    const store = await createConsentStore({
      pool: scratch.pool('consent-store'),
      access: { database: scratch.database, role, schema: 'consent_store', applicationName: 'consent-store' },
      clock,
      random: systemRandom,
      audit,
      directory,
      logger: createLogger({ level: 'silent', name: 'test' }),
      ...changes,
    });
    nodes.push(store);
    return store;
  }

  return {
    scratch,
    clock,
    audit,
    directory,
    node,
    store: await node(),
    async close() {
      await Promise.all(nodes.map((store) => store.stop()));
      await scratch.drop();
    },
  };
}
export type ConsentWorld = Awaited<ReturnType<typeof createConsentWorld>>;
