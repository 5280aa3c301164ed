import { consentStoreMigrations, createConsentStore } from '@countersign/consent-store';
import {
  type ConsentStore,
  createIndependence,
  hardwareAcr,
  type Independence,
  type PolicyEngine,
  type ProposerStanding,
  phishingResistantAcr,
  type TransactionRegistry,
} from '@countersign/contracts';
import { policyEngineMigrations, startPolicyEngine } from '@countersign/policy-engine';
import { createRowSeal } from '@countersign/runtime';
import {
  createTransactionRegistry,
  type TransactionRegistryComponent,
  transactionRegistryMigrations,
} from '@countersign/transaction-registry';
import type { Signers } from '../keys.ts';
import { createProposerStanding } from '../proposer-standing.ts';
import type { Ground } from './ground.ts';
import type { LogParts } from './log.ts';
import type { Parties } from './parties.ts';
import type { PeopleParts } from './people.ts';
import { lockingRevoked } from './revoked-people.ts';

/** What may be done: under which mandate, by which policy, with whose approval. */
export interface DecisionParts {
  readonly consentStore: ConsentStore;
  readonly policyEngine: PolicyEngine;
  readonly transactionRegistry: TransactionRegistryComponent;
  /** Asked before what somebody proposed is put into force. */
  readonly proposerStanding: ProposerStanding;
  /** Checked when a second person approves a proposal. */
  readonly independence: Independence;
  /** Classes of authenticators of which one is enough to approve. */
  readonly approvalClasses: readonly string[];
}

export async function startDecisions(
  { configuration, development, database, metrics, common, keyEncryptionKey, installation, started }: Ground,
  {
    auditLog: audit,
    directory,
    devices,
    risk,
    authentication,
    signers,
  }: Pick<LogParts & Parties & PeopleParts, 'auditLog' | 'directory' | 'devices' | 'risk' | 'authentication'> & {
    readonly signers: Signers;
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
  // The decision point reads transactions, and the registry asks it for decisions: each has the other's contract.
  let registry: TransactionRegistry | undefined;
  const registered = (): TransactionRegistry => {
    if (registry === undefined) throw new Error('a transaction was asked about before there was a registry');
    return registry;
  };
  const proposerStanding = createProposerStanding({
    directory,
    authenticators: authentication.authenticators,
    log: audit,
  });
  const independence = createIndependence(authentication.authenticators);
  // What stands of people is read here alone: by the decision point for every door, and by approvals for who gives them.
  const signalsOf = (person: string) => risk.of(person);
  const policyEngine = started(
    'policy engine',
    await startPolicyEngine({
      environment,
      region,
      pool: database.pool(policyEngineMigrations),
      access: database.access(policyEngineMigrations),
      signer: signers['policy-bundle'],
      rowSeal: createRowSeal(keyEncryptionKey.derive('row-seal/policy-engine')),
      metrics,
      publisher: installation,
      proposerStanding,
      independence,
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
      independence,
      consentStore,
      policyEngine,
      signer: signers.envelope,
      issuer,
      referenceKey: keyEncryptionKey.derive('envelope-reference'),
      audience: `${issuer}/transactions`,
      sweepEveryMs: 1_000,
      acrValues: approvalClasses,
      directoryKeys: approvals?.directoryKeys ?? development,
      addressCoolingOffMs: (addressBook?.coolingOffHours ?? (development ? 0 : 24)) * 3_600_000,
      authenticators: lockingRevoked(authentication.authenticators, audit),
      signalsOf,
      ...common,
    }),
  );
  registry = transactionRegistry;
  return { consentStore, policyEngine, transactionRegistry, proposerStanding, independence, approvalClasses };
}
