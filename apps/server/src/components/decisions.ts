import { consentStoreMigrations, createConsentStore } from '@countersign/consent-store';
import {
  type ConsentStore,
  hardwareAcr,
  type PolicyEngine,
  phishingResistantAcr,
  type TransactionRegistry,
} from '@countersign/contracts';
import { createHalt, type Halt, haltMigrations } from '@countersign/halt';
import { policyEngineMigrations, startPolicyEngine } from '@countersign/policy-engine';
import { createRowSeal } from '@countersign/runtime';
import {
  createTransactionRegistry,
  type TransactionRegistryComponent,
  transactionRegistryMigrations,
} from '@countersign/transaction-registry';
import type { Signers } from '../keys/index.ts';
import { approvalCertificatesOf } from './approval-certificates.ts';
import type { Ground } from './ground.ts';
import { lockingRevoked } from './revoked-people.ts';
import type { Seen } from './seen.ts';
import { twoPeople } from './two-people.ts';

export interface DecisionParts {
  readonly consentStore: ConsentStore;
  readonly policyEngine: PolicyEngine;
  readonly transactionRegistry: TransactionRegistryComponent;
  readonly halt: Halt;
  /** Authentication context classes, any of which is sufficient to approve. */
  readonly approvalClasses: readonly string[];
}

export async function startDecisions(
  { configuration, development, database, metrics, common, keyFor, installation, started }: Ground,
  {
    auditLog: audit,
    directory,
    devices,
    signals,
    authenticators,
    signers,
  }: Pick<Seen, 'auditLog' | 'directory' | 'devices' | 'signals' | 'authenticators'> & {
    readonly signers: Pick<Signers, 'policy-bundle' | 'mandate' | 'envelope'>;
  },
): Promise<DecisionParts> {
  const { environment, region, issuer, approvals, addressBook, amounts } = configuration;
  const consentStore = started(
    'consent store',
    await createConsentStore({
      pool: database.pool(consentStoreMigrations),
      audit,
      directory,
      access: database.access(consentStoreMigrations),
      signer: signers.mandate,
      ...common,
    }),
  );
  // The decision point reads transactions and the registry requests decisions, so each needs the other's contract.
  let registry: TransactionRegistry | undefined;
  const registered = (): TransactionRegistry => {
    if (registry === undefined) throw new Error('a transaction was asked about before there was a registry');
    return registry;
  };
  // Only this group reads risk signals about people: the decision point for every interface, and approvals for their signers.
  const signalsOf = (person: string) => signals.of(person);
  const proposing = twoPeople({ directory, authenticators, auditLog: audit });
  const policyEngine = started(
    'policy engine',
    await startPolicyEngine({
      environment,
      region,
      pool: database.pool(policyEngineMigrations),
      access: database.access(policyEngineMigrations),
      signer: signers['policy-bundle'],
      rowSeal: createRowSeal(keyFor(policyEngineMigrations).derive('row-seal/policy-engine')),
      metrics,
      publisher: installation,
      ...proposing,
      audit,
      directory,
      consentStore,
      devices,
      standing: { signalsOf },
      counting: { base: amounts.baseCurrency, rateMaxAgeHours: amounts.rateMaxAgeHours },
      transactions: {
        facts: async (id) => registered().facts(id),
        countsAgainstLimits: async (id) => registered().countsAgainstLimits(id),
        parties: async (id) => registered().parties(id),
      },
      ...common,
    }),
  );
  const approvalClasses = approvals?.acrValues ?? (development ? [phishingResistantAcr, hardwareAcr] : [hardwareAcr]);
  const transactionRegistry = started(
    'transaction registry',
    createTransactionRegistry({
      pool: database.pool(transactionRegistryMigrations, { maxConnections: 20, byIndexAlone: true }),
      audit,
      directory,
      independence: proposing.independence,
      consentStore,
      policyEngine,
      signer: signers.envelope,
      issuer,
      referenceKey: keyFor(transactionRegistryMigrations).derive('envelope-reference'),
      audience: `${issuer}/transactions`,
      sweepEveryMs: 1_000,
      acrValues: approvalClasses,
      directoryKeys: approvals?.directoryKeys ?? development,
      certificates: approvalCertificatesOf(approvals),
      addressCoolingOffMs: (addressBook?.coolingOffHours ?? (development ? 0 : 24)) * 3_600_000,
      authenticators: lockingRevoked(authenticators, audit),
      signalsOf,
      ...common,
    }),
  );
  registry = transactionRegistry;
  const halt = createHalt({
    pool: database.pool(haltMigrations, { maxConnections: 1 }),
    ...{ audit, directory, ...proposing },
    operator: configuration.operator.lei,
    ...common,
  });
  return { consentStore, policyEngine, transactionRegistry, halt, approvalClasses };
}
