import type { RunningAuditLog } from '@countersign/audit-log';
import { consentStoreMigrations, createConsentStore, type RunningConsentStore } from '@countersign/consent-store';
import type { TransactionRegistry } from '@countersign/contracts';
import { systemClock, systemRandom } from '@countersign/kernel';
import { policyEngineMigrations, startPolicyEngine } from '@countersign/policy-engine';
import { everybodyIndependent, everyProposerStands, testRowSeal } from '@countersign/testkit';
import {
  createTransactionRegistry,
  type TransactionRegistryComponent,
  transactionRegistryMigrations,
} from '@countersign/transaction-registry';
import type pg from 'pg';
import type { InProcess } from '../in-process.ts';
import { memorySigner } from '../signers.ts';
import type { Starter, Stoppable } from '../starter.ts';
import { houses, signatory } from './firms.ts';
import { startMarketSite } from './market-site.ts';

/** What stands behind a transaction, in this process and joined as a server joins it, on a database of its own. */
export interface TradingSite extends Stoppable {
  readonly auditLog: RunningAuditLog;
  readonly consentStore: RunningConsentStore;
  readonly registry: TransactionRegistryComponent;
  /** A consent store beside it on the same database, with a memory of this many mandates. */
  consentStoreRemembering(mandates: number): Promise<RunningConsentStore>;
  /** Connections in the consent store's own name. */
  consentPool(): pg.Pool;
  /** As who owns the database. */
  readonly owner: pg.Pool;
}

type Seals = NonNullable<Parameters<typeof createConsentStore>[0]['seals']>;

const asWritten: Seals['sound'] = async (versions) =>
  versions.map(({ document }) => (document.consents === undefined ? { ...document, consents: [] } : document));

export async function startTradingSite({
  inProcess,
  started,
}: {
  readonly inProcess: Pick<InProcess, 'scratch' | 'logger'>;
  /** Sees to it that what is started gets stopped, whatever happens. */
  readonly started: Starter;
}): Promise<TradingSite> {
  const { logger } = inProcess;
  const common = { clock: systemClock, random: systemRandom, logger };
  const { auditLog, directory, scratch, owner, accessOf, running, stop } = await startMarketSite({
    inProcess,
    started,
    components: [consentStoreMigrations, policyEngineMigrations, transactionRegistryMigrations],
    ownerConnections: 2,
  });
  const consentPool = scratch.pool(consentStoreMigrations.name);
  const openConsentStore = async (remembered?: number) =>
    running(
      await createConsentStore({
        pool: consentPool,
        access: accessOf(consentStoreMigrations),
        audit: auditLog,
        directory,
        signer: memorySigner('mandate'),
        // A million copies of what was sealed and recorded once are neither themselves.
        seals: { sound: asWritten, newest: (_, heads) => asWritten(heads) },
        ...(remembered === undefined ? {} : { remembered }),
        ...common,
      }),
    );
  const consentStore = await openConsentStore();
  const made: { registry?: TransactionRegistry } = {};
  const registered = (): TransactionRegistry => {
    if (made.registry === undefined) throw new Error('a transaction was asked about before there was a registry');
    return made.registry;
  };
  const [operator] = houses;
  const policyEngine = running(
    await startPolicyEngine({
      pool: scratch.pool(policyEngineMigrations.name),
      access: accessOf(policyEngineMigrations),
      audit: auditLog,
      directory,
      consentStore,
      transactions: {
        facts: async (id) => registered().facts(id),
        countsAgainstLimits: async (id) => registered().countsAgainstLimits(id),
        parties: async (id) => registered().parties(id),
      },
      proposerStanding: everyProposerStands,
      independence: everybodyIndependent,
      signer: memorySigner('policy-bundle'),
      rowSeal: testRowSeal,
      publisher: operator === undefined ? { id: 'service:benchmark' } : signatory(operator.client),
      ...common,
    }),
  );
  const registry = running(
    createTransactionRegistry({
      // As a server gives it.
      pool: scratch.pool(transactionRegistryMigrations.name, { maxConnections: 20, byIndexAlone: true }),
      audit: auditLog,
      directory,
      consentStore,
      policyEngine,
      independence: everybodyIndependent,
      signer: memorySigner('envelope'),
      issuer: 'https://benchmark.countersign.invalid',
      audience: 'https://benchmark.countersign.invalid/transactions',
      referenceKey: systemRandom.bytes(32),
      ...common,
    }),
  );
  made.registry = registry;
  return {
    auditLog,
    consentStore,
    registry,
    consentStoreRemembering: openConsentStore,
    consentPool: () => consentPool,
    owner,
    stop,
  };
}
