import { consentStoreMigrations, createConsentStore, type RunningConsentStore } from '@countersign/consent-store';
import type { TransactionRegistry } from '@countersign/contracts';
import { systemClock, systemRandom } from '@countersign/kernel';
import { policyEngineMigrations, startPolicyEngine } from '@countersign/policy-engine';
import { everybodyIndependent, everyProposerActive, testRowSeal } from '@countersign/testkit';
import { createTransactionRegistry, transactionRegistryMigrations } from '@countersign/transaction-registry';
import type { InProcess } from '../in-process.ts';
import { pick } from '../machine-clients.ts';
import { memorySigner } from '../signers.ts';
import type { Run } from '../starter.ts';
import { houses, signatory } from './firms.ts';
import { startMarketSite } from './market-site.ts';

export type TradingSite = Awaited<ReturnType<typeof startTradingSite>>;

type Seals = NonNullable<Parameters<typeof createConsentStore>[0]['seals']>;

const asWritten: Seals['sound'] = async (versions) =>
  versions.map(({ document }) => (document.consents === undefined ? { ...document, consents: [] } : document));

/** The components that take part in a transaction, in this process and composed as in a server, with their own database. */
export async function startTradingSite(
  run: Pick<Run, 'started'> & { readonly inProcess: Pick<InProcess, 'scratch' | 'logger'> },
) {
  const common = { clock: systemClock, random: systemRandom, logger: run.inProcess.logger };
  const components = [consentStoreMigrations, policyEngineMigrations, transactionRegistryMigrations];
  const site = await startMarketSite({ ...run, components, ownerConnections: 2 });
  const { auditLog, directory, scratch, accessOf, started } = site;
  const consentPool = scratch.pool(consentStoreMigrations.name);
  const openConsentStore = (remembered?: number): Promise<RunningConsentStore> =>
    started(
      createConsentStore({
        pool: consentPool,
        access: accessOf(consentStoreMigrations),
        audit: auditLog,
        directory,
        signer: memorySigner('mandate'),
        // The million copies have neither seals nor records of their own.
        seals: { sound: asWritten, newest: (_, heads) => asWritten(heads) },
        ...(remembered === undefined ? {} : { remembered }),
        ...common,
      }),
    );
  const consentStore = await openConsentStore();
  const opened: { registry?: TransactionRegistry } = {};
  const registered = (): TransactionRegistry => {
    if (opened.registry === undefined) throw new Error('the registry has not been started');
    return opened.registry;
  };
  const policyEngine = await started(
    startPolicyEngine({
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
      proposerStanding: everyProposerActive,
      independence: everybodyIndependent,
      signer: memorySigner('policy-bundle'),
      rowSeal: testRowSeal,
      publisher: signatory(pick(houses, 0).client),
      ...common,
    }),
  );
  const registry = await started(
    createTransactionRegistry({
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
  opened.registry = registry;
  /** `consentStoreRemembering` opens a further consent store on the same database with a cache of this many mandates. */
  return { ...site, consentStore, registry, consentStoreRemembering: openConsentStore, consentPool };
}
