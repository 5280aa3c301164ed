import { auditLogMigrations, createAuditLog, type RunningAuditLog } from '@countersign/audit-log';
import { authorizationServerMigrations, createAuthorizationServer } from '@countersign/authorization-server';
import { consentStoreMigrations, createConsentStore } from '@countersign/consent-store';
import type {
  AuthorizationServer,
  ConsentStore,
  FederationGateway,
  KeyPurpose,
  PolicyEngine,
  Signer,
  TransactionRegistry,
} from '@countersign/contracts';
import { createDirectory, type DirectoryComponent, directoryMigrations } from '@countersign/directory';
import { createFederationGateway } from '@countersign/federation-gateway';
import { type Clock, CodedError, decodeBase64Url, systemRandom } from '@countersign/kernel';
import { policyEngineMigrations, startPolicyEngine } from '@countersign/policy-engine';
import {
  type ComponentMigrations,
  createKeyring,
  createSingleUse,
  type KeyPolicy,
  type Lifecycle,
  type Logger,
  readSecret,
  type SealingKey,
} from '@countersign/runtime';
import { createTransactionRegistry, transactionRegistryMigrations } from '@countersign/transaction-registry';
import { createTrustRegistry, type TrustRegistryComponent, trustRegistryMigrations } from '@countersign/trust-registry';
import type { Configuration } from './configuration.ts';
import type { OpenedDatabase } from './database.ts';
import { directorySeed } from './own-interfaces.ts';

/** Every component with a schema of its own, in the order of migration. */
export const migratedComponents: readonly ComponentMigrations[] = [
  auditLogMigrations,
  authorizationServerMigrations,
  directoryMigrations,
  trustRegistryMigrations,
  consentStoreMigrations,
  policyEngineMigrations,
  transactionRegistryMigrations,
];

/** The components of one process, joined by their contracts. */
export interface Components {
  readonly auditLog: RunningAuditLog;
  readonly authorizationServer: AuthorizationServer;
  readonly directory: DirectoryComponent;
  readonly trustRegistry: TrustRegistryComponent;
  readonly consentStore: ConsentStore;
  readonly policyEngine: PolicyEngine;
  readonly transactionRegistry: TransactionRegistry;
  readonly federationGateway: FederationGateway;
  readonly signers: Readonly<Record<KeyPurpose, Signer>>;
}

/** Longer than a verifier keeps our key set (`max-age` 60 s), and than a node takes to see another's key (20 s). */
const publicationLeadSeconds = 300;
const keyPolicies: Readonly<Record<KeyPurpose, KeyPolicy>> = {
  'access-token': { algorithm: 'ES256', publicationLeadSeconds, longestSignedLifeSeconds: 300 + 60 },
  // A checkpoint is verified for years: its key is never withdrawn, only succeeded.
  'log-checkpoint': { algorithm: 'EdDSA', publicationLeadSeconds, longestSignedLifeSeconds: 100 * 365 * 86_400 },
};

/** Starts the components in the order in which they need each other. */
export async function startComponents(options: {
  readonly configuration: Configuration;
  readonly database: OpenedDatabase;
  readonly lifecycle: Lifecycle;
  readonly logger: Logger;
  readonly clock: Clock;
}): Promise<Components> {
  const { configuration, database, lifecycle, logger, clock } = options;
  const random = systemRandom;
  const development = configuration.environment === 'development';
  const common = { clock, random, logger };
  const started = <Part extends { stop(): Promise<void> }>(name: string, part: Part): Part => {
    lifecycle.started({ name, stop: () => part.stop() });
    return part;
  };
  const keyring = async (component: ComponentMigrations, purpose: KeyPurpose): Promise<Signer> => {
    const purposes = { [purpose]: keyPolicies[purpose] } as Record<KeyPurpose, KeyPolicy>;
    const pool = database.pool(component, { maxConnections: 2 });
    return started(
      `keys for ${purpose}`,
      await createKeyring({ pool, sealingKey: sealingKeyOf(configuration), purposes, ...common }),
    );
  };

  const logSigner = await keyring(auditLogMigrations, 'log-checkpoint');
  const audit = started(
    'audit log',
    await createAuditLog({
      pool: database.pool(auditLogMigrations),
      signer: logSigner,
      origin: configuration.logOrigin,
      ...common,
    }),
  );
  const directory = started(
    'directory',
    await createDirectory({
      pool: database.pool(directoryMigrations),
      access: database.access(directoryMigrations),
      audit,
      seed: directorySeed(configuration),
      ...common,
    }),
  );
  const trustRegistry = started(
    'trust registry',
    await createTrustRegistry({
      pool: database.pool(trustRegistryMigrations),
      access: database.access(trustRegistryMigrations),
      audit,
      directory,
      allowInsecureLoopback: development,
      ...common,
    }),
  );
  const consentStore = started(
    'consent store',
    await createConsentStore({
      pool: database.pool(consentStoreMigrations),
      audit,
      directory,
      access: database.access(consentStoreMigrations),
      ...common,
    }),
  );
  // The decision point reads transactions, and the registry asks it for decisions: each has the other's contract.
  const registry: { current?: TransactionRegistry } = {};
  const policyEngine = await startPolicyEngine({
    pool: database.pool(policyEngineMigrations),
    publisher: { id: 'service:countersign', institution: configuration.operator.lei },
    audit,
    directory,
    consentStore,
    transactions: { facts: async (id) => registry.current?.facts(id) },
    ...common,
  });
  const transactionRegistry = createTransactionRegistry({
    pool: database.pool(transactionRegistryMigrations, { maxConnections: 20 }),
    audit,
    directory,
    consentStore,
    policyEngine,
    audience: `${configuration.issuer}/transactions`,
    ...common,
  });
  registry.current = transactionRegistry;
  const federationGateway = createFederationGateway({ trustRegistry, directory, audit, ...common });
  const singleUse = started(
    'single-use claims',
    // Made durable by the record that follows (docs/adr/0005).
    createSingleUse({
      pool: database.pool(authorizationServerMigrations, { maxConnections: 4, durable: false }),
      clock,
      logger,
    }),
  );
  const tokenSigner = await keyring(authorizationServerMigrations, 'access-token');
  const authorizationServer = createAuthorizationServer({
    signer: tokenSigner,
    singleUse,
    audit,
    directory,
    consentStore,
    policyEngine,
    transactionRegistry,
    federationGateway,
    config: { issuer: configuration.issuer, accessTokenLifetimeSeconds: configuration.accessTokenLifetimeSeconds },
    ...common,
  });
  return {
    auditLog: audit,
    authorizationServer,
    directory,
    trustRegistry,
    consentStore,
    policyEngine,
    transactionRegistry,
    federationGateway,
    signers: { 'access-token': tokenSigner, 'log-checkpoint': logSigner },
  };
}

function sealingKeyOf(configuration: Configuration): SealingKey {
  const bytes = decodeBase64Url(readSecret(configuration.keyEncryptionKey));
  if (bytes?.length === 32) return { bytes };
  throw new CodedError({
    code: 'configuration_invalid',
    category: 'invalid',
    detail:
      'keyEncryptionKey must be 32 bytes in base64url, e.g. from: openssl rand 32 | basenc --base64url | tr -d "=".',
  });
}
