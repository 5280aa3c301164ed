import { hostname } from 'node:os';
import {
  type AuditLogDependencies,
  auditLogMigrations,
  createAuditLog,
  createProtection,
  type RunningAuditLog,
} from '@countersign/audit-log';
import {
  authenticationMigrations,
  createAuthentication,
  createRisk,
  type Risk,
  type RunningAuthentication,
} from '@countersign/authentication';
import {
  type AuthorizationServerComponent,
  authorizationServerMigrations,
  createAuthorizationServer,
  createGrantManagement,
  createRegistration,
  type GrantManagement,
  type Registration,
} from '@countersign/authorization-server';
import { breakGlassMigrations, createBreakGlass, type RunningBreakGlass } from '@countersign/break-glass';
import { consentStoreMigrations, createConsentStore } from '@countersign/consent-store';
import {
  type ConsentStore,
  type DepartureEffect,
  type FederationGateway,
  hardwareAcr,
  type PolicyEngine,
  type PrincipalId,
  phishingResistantAcr,
  type SingleUse,
  type TransactionRegistry,
} from '@countersign/contracts';
import { createDevices, devicesMigrations, type RunningDevices } from '@countersign/devices';
import {
  createDirectory,
  type DirectoryComponent,
  directoryMigrations,
  type ScimDependencies,
} from '@countersign/directory';
import {
  createEventPublisher,
  createSignalTransmitter,
  eventPublisherMigrations,
  type RunningEventPublisher,
  type SignalTransmitter,
} from '@countersign/event-publisher';
import {
  createConfiguredExchange,
  createFederationGateway,
  createOutbound,
  createPartnerSignIns,
} from '@countersign/federation-gateway';
import { type Clock, systemRandom } from '@countersign/kernel';
import { createNotices, noticesMigrations } from '@countersign/notices';
import { policyEngineMigrations, startPolicyEngine } from '@countersign/policy-engine';
import { createRecovery, type RunningRecovery, recoveryMigrations } from '@countersign/recovery';
import { createRetention, type RunningRetention, retentionMigrations } from '@countersign/retention';
import {
  type ComponentMigrations,
  createSingleUse,
  type Lifecycle,
  type Logger,
  type Metrics,
} from '@countersign/runtime';
import { createTimeStamping, type RunningTimeStamping, timeStampingMigrations } from '@countersign/time-stamping';
import {
  createTransactionRegistry,
  type TransactionRegistryComponent,
  transactionRegistryMigrations,
} from '@countersign/transaction-registry';
import { createTrustRegistry, type TrustRegistryComponent, trustRegistryMigrations } from '@countersign/trust-registry';
import { authorizationServerConfig } from './authorization-server-config.ts';
import type { Configuration } from './configuration.ts';
import type { OpenedDatabase } from './database.ts';
import { departureEffects } from './departure-effects.ts';
import { clockParts, publicationParts, timeStampParts } from './evidence-parts.ts';
import { readKeyEncryptionKey } from './key-encryption-key.ts';
import { createKeyRecords, type KeyRecords } from './key-records.ts';
import { openComponentKeys, openLogKeys, openTokenKeys, type Signers } from './keys.ts';
import { directorySeed, emergencyClient } from './own-interfaces.ts';
import { type ElsewhereMethods, methodsElsewhere, noticeChannels, signInConfig } from './people-parts.ts';

/** Every component with a schema of its own, in the order of migration. */
export const migratedComponents: readonly ComponentMigrations[] = [
  auditLogMigrations,
  authorizationServerMigrations,
  directoryMigrations,
  trustRegistryMigrations,
  consentStoreMigrations,
  policyEngineMigrations,
  transactionRegistryMigrations,
  authenticationMigrations,
  eventPublisherMigrations,
  timeStampingMigrations,
  retentionMigrations,
  noticesMigrations,
  devicesMigrations,
  recoveryMigrations,
  breakGlassMigrations,
];

/** The components of one process, joined by their contracts. */
export interface Components {
  readonly auditLog: RunningAuditLog;
  readonly authorizationServer: AuthorizationServerComponent;
  readonly authentication: RunningAuthentication;
  readonly elsewhere: ElsewhereMethods;
  readonly risk: Risk;
  /** Classes of authenticators of which one is enough to approve. */
  readonly approvalClasses: readonly string[];
  readonly devices: RunningDevices;
  readonly recovery: RunningRecovery;
  readonly breakGlass: RunningBreakGlass;
  readonly singleUse: SingleUse;
  readonly directory: DirectoryComponent;
  readonly trustRegistry: TrustRegistryComponent;
  readonly consentStore: ConsentStore;
  readonly policyEngine: PolicyEngine;
  readonly transactionRegistry: TransactionRegistryComponent;
  readonly eventPublisher: RunningEventPublisher;
  readonly signals: SignalTransmitter;
  readonly timeStamping: RunningTimeStamping;
  readonly retention: RunningRetention;
  readonly federationGateway: FederationGateway;
  readonly registration: Registration;
  /** Where the feature is on. */
  readonly grantManagement: GrantManagement | undefined;
  /** What the SCIM interface is made of. */
  readonly scim: Omit<ScimDependencies, 'guard' | 'baseUrl'>;
  readonly signers: Signers;
  readonly keyRecords: KeyRecords;
}

/** Starts the components in the order in which they need each other. */
export async function startComponents(options: {
  readonly configuration: Configuration;
  readonly database: OpenedDatabase;
  readonly lifecycle: Lifecycle;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly unfitRecords: AuditLogDependencies['unfitRecords'];
}): Promise<Components> {
  const { configuration, database, lifecycle, logger, metrics, clock } = options;
  const random = systemRandom;
  const development = configuration.environment === 'development';
  const common = { clock, random, logger };
  const started = <Part extends { stop(): Promise<void> }>(name: string, part: Part): Part => {
    lifecycle.started({ name, stop: () => part.stop() });
    return part;
  };
  const keyEncryptionKey = readKeyEncryptionKey(configuration.keyEncryptionKey);
  const keysOf = (component: ComponentMigrations) => ({
    pool: database.pool(component, { maxConnections: 2 }),
    sealingKey: keyEncryptionKey.sealing,
    ...common,
  });
  /** In whose name the installation itself acts. */
  const installation = { id: 'service:countersign', institution: configuration.operator.lei };

  const logKeys = started('keys of the log', await openLogKeys(keysOf(auditLogMigrations)));
  const exchangeWith = (authorities: string | undefined) =>
    started(
      'requests to configured addresses',
      createConfiguredExchange({ logger, ...(authorities === undefined ? {} : { authorities }) }),
    );
  const logPool = database.pool(auditLogMigrations);
  const audit = started(
    'audit log',
    await createAuditLog({
      pool: logPool,
      signer: logKeys,
      origin: configuration.logOrigin,
      protection: createProtection({
        pool: logPool,
        // A node holds the key of its own region alone.
        sealing: (region) => (region === configuration.region ? keyEncryptionKey.sealingOf(region) : undefined),
        regionOf: () => configuration.region,
        ...common,
      }),
      metrics,
      unfitRecords: options.unfitRecords,
      node: hostname(),
      ...publicationParts(configuration.publication, {
        node: configuration,
        exchangeWith,
      }),
      ...clockParts(configuration.clock, common),
      ...common,
    }),
  );
  const keyRecords = createKeyRecords({ audit, ...common });
  const rotated = (component: ComponentMigrations) => ({
    ...keysOf(component),
    rotateEveryDays: configuration.keys.rotateEveryDays,
    records: keyRecords,
    by: installation,
  });
  const tokenKeys = started('keys of tokens', await openTokenKeys(rotated(authorizationServerMigrations)));
  const keysFor = async (purpose: Parameters<typeof openComponentKeys>[0], component: ComponentMigrations) =>
    started(`keys: ${purpose}`, await openComponentKeys(purpose, rotated(component)));
  const policyKeys = await keysFor('policy-bundle', policyEngineMigrations);
  const mandateKeys = await keysFor('mandate', consentStoreMigrations);
  const envelopeKeys = await keysFor('envelope', transactionRegistryMigrations);
  const eventKeys = await keysFor('event', eventPublisherMigrations);
  const securityEventKeys = await keysFor('security-event', eventPublisherMigrations);
  const timeStampKeys = await keysFor('time-stamp', timeStampingMigrations);
  // Who leaves is known to the directory before there is anybody to end what they held: effects come when all is there.
  const effects: { current: readonly DepartureEffect[] } = { current: [] };
  const directoryPool = database.pool(directoryMigrations);
  const directory = started(
    'directory',
    await createDirectory({
      pool: directoryPool,
      access: database.access(directoryMigrations),
      audit,
      seed: directorySeed(configuration),
      departureEffects: () => effects.current,
      ...common,
    }),
  );
  const trustRegistry = started(
    'trust registry',
    await createTrustRegistry({
      pool: database.pool(trustRegistryMigrations, { maxConnections: 3 }),
      access: database.access(trustRegistryMigrations),
      audit,
      directory,
      allowInsecureLoopback: development,
      ...common,
    }),
  );
  const outbound = createOutbound({ environment: configuration.environment, logger });
  const federationGateway = createFederationGateway({
    trustRegistry,
    directory,
    audit,
    outbound,
    identityChaining: configuration.features.identityChaining ?? 'off',
    ...common,
  });
  const notices = started(
    'notices',
    createNotices({
      pool: database.pool(noticesMigrations, { maxConnections: 2 }),
      audit,
      channels: noticeChannels(configuration.notices, exchangeWith),
      environment: configuration.environment,
      metrics,
      ...common,
    }),
  );
  const devices = started(
    'devices',
    await createDevices({
      pool: database.pool(devicesMigrations, { maxConnections: 3 }),
      access: database.access(devicesMigrations),
      audit,
      directory,
      config: { issuer: configuration.issuer, environment: configuration.environment, ...configuration.devices },
      ...common,
    }),
  );
  const authenticationPool = database.pool(authenticationMigrations, { maxConnections: 8 });
  const elsewhere = methodsElsewhere(configuration, {
    pool: authenticationPool,
    audit,
    directory,
    partners: createPartnerSignIns({ trustRegistry, directory, audit, outbound, signer: tokenKeys, ...common }),
    outbound: () => exchangeWith(undefined),
    ...common,
  });
  const risk = started(
    'risk',
    await createRisk({
      pool: authenticationPool,
      access: database.access(authenticationMigrations),
      audit,
      directory,
      notices,
      config: configuration.risk,
      ...common,
    }),
  );
  // Whoever is locked out loses their tokens too, and those are issued by a part that needs this one.
  const tokens: { current?: AuthorizationServerComponent } = {};
  const authentication = started(
    'authentication',
    createAuthentication({
      pool: authenticationPool,
      audit,
      directory,
      devices,
      deviceProof: devices.proof,
      notices,
      risk,
      signals: risk,
      async cutOff(person: PrincipalId, reason) {
        await tokens.current?.revoke({ kind: 'principal', id: person }, installation, reason);
      },
      ...elsewhere,
      metrics,
      config: signInConfig(configuration),
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
      signer: mandateKeys,
      ...common,
    }),
  );
  // The decision point reads transactions, and the registry asks it for decisions: each has the other's contract.
  const registry: { current?: TransactionRegistry } = {};
  const registered = (): TransactionRegistry => {
    if (registry.current === undefined) throw new Error('a transaction was asked about before there was a registry');
    return registry.current;
  };
  const policyEngine = started(
    'policy engine',
    await startPolicyEngine({
      environment: configuration.environment,
      region: configuration.region,
      pool: database.pool(policyEngineMigrations),
      access: database.access(policyEngineMigrations),
      signer: policyKeys,
      metrics,
      publisher: installation,
      audit,
      directory,
      consentStore,
      devices,
      transactions: {
        facts: async (id) => registered().facts(id),
        countsAgainstLimits: async (id) => registered().countsAgainstLimits(id),
        parties: async (id) => registered().parties(id),
      },
      ...common,
    }),
  );
  const approvalClasses =
    configuration.approvals?.acrValues ?? (development ? [phishingResistantAcr, hardwareAcr] : [hardwareAcr]);
  const transactionRegistry = started(
    'transaction registry',
    createTransactionRegistry({
      pool: database.pool(transactionRegistryMigrations, { maxConnections: 20, byIndexAlone: true }),
      audit,
      directory,
      consentStore,
      policyEngine,
      signer: envelopeKeys,
      issuer: configuration.issuer,
      referenceKey: keyEncryptionKey.derive('envelope-reference'),
      audience: `${configuration.issuer}/transactions`,
      sweepEveryMs: 1_000,
      acrValues: approvalClasses,
      directoryKeys: configuration.approvals?.directoryKeys ?? development,
      authenticators: authentication.authenticators,
      signalsOf: (person) => risk.of(person),
      ...common,
    }),
  );
  registry.current = transactionRegistry;
  const singleUse = started(
    'single-use claims',
    // Made durable by the record that follows (docs/adr/0005).
    createSingleUse({
      pool: database.pool(authorizationServerMigrations, { maxConnections: 4, durable: false }),
      clock,
      logger,
    }),
  );
  const authorizationServer = started(
    'authorization server',
    await createAuthorizationServer({
      pool: database.pool(authorizationServerMigrations),
      signer: tokenKeys,
      singleUse,
      audit,
      directory,
      consentStore,
      policyEngine,
      transactionRegistry,
      federationGateway,
      outbound,
      authentication,
      statements: authentication.authenticators,
      transactions: transactionRegistry,
      signalsOf: (person) => risk.of(person),
      nonceSecret: keyEncryptionKey.derive('dpop-nonce'),
      pingSecret: keyEncryptionKey.derive('backchannel-ping'),
      config: authorizationServerConfig(configuration),
      ...common,
    }),
  );
  tokens.current = authorizationServer;
  const recovery = started(
    'recovery',
    createRecovery({
      pool: database.pool(recoveryMigrations, { maxConnections: 3 }),
      audit,
      directory,
      register: authentication.authenticators,
      statements: authentication.authenticators,
      sessions: authentication,
      tokens: authorizationServer,
      signals: risk,
      notices,
      installation,
      environment: configuration.environment,
      config: configuration.recovery ?? {},
      ...common,
    }),
  );
  effects.current = [
    ...departureEffects({ authorizationServer, authentication, transactionRegistry }),
    authentication.authenticators.departureEffect,
    devices.departureEffect,
    recovery.departureEffect,
  ];
  const breakGlass = started(
    'break-glass',
    createBreakGlass({
      pool: database.pool(breakGlassMigrations, { maxConnections: 3 }),
      audit,
      directory,
      statements: authentication.authenticators,
      register: authentication.authenticators,
      tokens: authorizationServer,
      signals: risk,
      notices,
      client: emergencyClient,
      issuer: configuration.issuer,
      installation,
      environment: configuration.environment,
      config: configuration.breakGlass ?? {},
      metrics,
      ...common,
    }),
  );
  const eventPublisher = started(
    'event publisher',
    createEventPublisher({
      pool: database.pool(eventPublisherMigrations, { maxConnections: 5 }),
      audit,
      log: audit,
      origin: configuration.logOrigin,
      // A step is in the log before it is stored: who waits for it to end finds the parties that it brings in.
      async partiesOf(id) {
        await transactionRegistry.countsAgainstLimits(id);
        return transactionRegistry.parties(id);
      },
      signer: eventKeys,
      outbound,
      ...common,
    }),
  );
  const signals = started(
    'signals',
    createSignalTransmitter({
      pool: database.pool(eventPublisherMigrations, { maxConnections: 4 }),
      audit,
      log: audit,
      directory,
      issuer: configuration.issuer,
      baseUrl: configuration.issuer,
      signer: securityEventKeys,
      sealingKey: keyEncryptionKey.sealing,
      outbound,
      ...common,
    }),
  );
  const timeStamping = started(
    'time stamping',
    createTimeStamping({
      pool: database.pool(timeStampingMigrations, { maxConnections: 3 }),
      log: audit,
      signer: timeStampKeys,
      by: installation,
      organization: configuration.operator.name,
      clockQuality: () => audit.clockQuality(),
      metrics,
      ...timeStampParts(configuration.timeStamps, exchangeWith),
      ...common,
    }),
  );
  const retention = started(
    'retention',
    createRetention({
      pool: database.pool(retentionMigrations, { maxConnections: 3 }),
      audit,
      log: audit,
      custody: audit.custody,
      ...common,
    }),
  );
  const registration = createRegistration({
    pool: database.pool(authorizationServerMigrations, { maxConnections: 4 }),
    issuer: configuration.issuer,
    audit,
    directory,
    revocations: authorizationServer.revocations,
    ...(configuration.registration === undefined ? {} : { policy: configuration.registration }),
    ...common,
  });
  const grantManagement =
    configuration.features.grantManagement === undefined
      ? undefined
      : createGrantManagement({
          issuer: configuration.issuer,
          grants: consentStore.grants,
          revocations: authorizationServer.revocations,
          directory,
          audit,
          ...common,
        });
  return {
    auditLog: audit,
    authentication,
    elsewhere,
    risk,
    approvalClasses,
    devices,
    recovery,
    breakGlass,
    singleUse,
    authorizationServer,
    directory,
    trustRegistry,
    consentStore,
    policyEngine,
    transactionRegistry,
    eventPublisher,
    signals,
    timeStamping,
    retention,
    scim: {
      pool: directoryPool,
      directory,
      audit,
      ...(configuration.scim === undefined ? {} : configuration.scim),
      ...common,
    },
    federationGateway,
    registration,
    grantManagement,
    signers: {
      'access-token': tokenKeys,
      'id-token': tokenKeys,
      'transaction-token': tokenKeys,
      'log-checkpoint': logKeys,
      'policy-bundle': policyKeys,
      mandate: mandateKeys,
      envelope: envelopeKeys,
      event: eventKeys,
      'security-event': securityEventKeys,
      'time-stamp': timeStampKeys,
    },
    keyRecords,
  };
}
