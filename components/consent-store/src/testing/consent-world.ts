import { systemRandom } from '@countersign/kernel';
import { createLogger, type ScratchDatabase } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, fixedClock } from '@countersign/testkit';
import {
  type ConsentStoreDependencies,
  consentStoreMigrations,
  createConsentStore,
  type RunningConsentStore,
} from '../index.ts';
import { askedAnew, type GrantsAskedAnew } from './asked-anew.ts';
import { firms, people } from './firms.ts';
import { createMandateKeys } from './mandate-keys.ts';
import { createSmallDirectory } from './small-directory.ts';

export type ConsentNode = RunningConsentStore & { readonly grants: GrantsAskedAnew };

/**
 * A consent store on a database of its own, with a log and a directory that the test controls. @param given.scratch an
 * existing database; dropped with the world
 */
export async function createConsentWorld(given: { readonly scratch?: ScratchDatabase } = {}) {
  const scratch = given.scratch ?? (await createTestDatabase({ components: [consentStoreMigrations] }));
  const clock = fixedClock(Date.parse('2026-06-15T10:00:00Z'));
  const audit = createMemoryLog(clock, { checked: ['consent-store', 'transaction-registry'] });
  const directory = createSmallDirectory({ institutions: firms, principals: people });
  const logger = createLogger({ level: 'silent', name: 'test' });
  const signer = await createMandateKeys({
    ...{ clock, logger },
    pool: scratch.pool('consent-store'),
    random: systemRandom,
  });
  const nodes: ConsentNode[] = [];
  const role = scratch.components.find(({ name }) => name === 'consent-store')?.role ?? '';

  async function node(changes: Partial<ConsentStoreDependencies> = {}): Promise<ConsentNode> {
    const running = await createConsentStore({
      pool: scratch.pool('consent-store'),
      access: { database: scratch.database, role, schema: 'consent_store', applicationName: 'consent-store' },
      clock,
      random: systemRandom,
      audit,
      directory,
      signer,
      logger,
      sweepEveryMs: 3_600_000,
      ...changes,
    });
    const store = { ...running, grants: askedAnew(running.grants, clock) };
    nodes.push(store);
    return store;
  }

  return {
    scratch,
    clock,
    audit,
    directory,
    signer,
    node,
    store: await node(),
    async close() {
      await Promise.all(nodes.map((store) => store.stop()));
      await signer.stop();
      await scratch.drop();
    },
  };
}
export type ConsentWorld = Awaited<ReturnType<typeof createConsentWorld>>;
