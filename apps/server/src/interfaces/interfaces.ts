import { auditLogRoutes } from '@countersign/audit-log';
import { peopleRoutes, sessionRoutes } from '@countersign/authentication';
import { revocationsRoutes } from '@countersign/authorization-server';
import { breakGlassRoutes } from '@countersign/break-glass';
import {
  acmeRoutes,
  certificateAuthorityRoutes,
  enrolmentRoutes,
  publicKeyInfrastructureRoutes,
} from '@countersign/certificate-authority';
import { consentStoreRoutes } from '@countersign/consent-store';
import type { Directory, LastingGuard } from '@countersign/contracts';
import { devicesRoutes } from '@countersign/devices';
import { directoryRoutes, registerScimRoutes } from '@countersign/directory';
import { eventPublisherRoutes, signalRoutes } from '@countersign/event-publisher';
import { haltRoutes } from '@countersign/halt';
import { type Clock, systemRandom, type TransactionId } from '@countersign/kernel';
import { policyEngineRoutes } from '@countersign/policy-engine';
import { recoveryRoutes } from '@countersign/recovery';
import { retentionRoutes } from '@countersign/retention';
import { described } from '@countersign/runtime';
import { secretsRoutes, venuesRoutes } from '@countersign/secrets';
import { timeStampingRoutes } from '@countersign/time-stamping';
import { transactionRegistryRoutes } from '@countersign/transaction-registry';
import { trustRegistryRoutes } from '@countersign/trust-registry';
import { workloadIdentityRoutes } from '@countersign/workload-identity';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Certificates, Core, Edge, Egress, Evidence, Secrets, Seen } from '../components/index.ts';
import type { Configuration, OwnInterface } from '../configuration/index.ts';
import type { Signers } from '../keys/index.ts';
import { type KeyRouteParts, keyRoutes } from './key-routes.ts';

/** The components behind the product's own interfaces, by the group that serves them. */
export interface EvidenceInterfaces extends Pick<Evidence, 'auditLog' | 'timeStamping' | 'retention'> {
  readonly partiesOf: (id: TransactionId) => Promise<readonly string[]>;
}
export interface CoreInterfaces
  extends Pick<
    Core,
    'directory' | 'trustRegistry' | 'consentStore' | 'policyEngine' | 'transactionRegistry' | 'halt' | 'scim'
  > {
  readonly signers: Pick<Core['signers'], 'mandate' | 'envelope'>;
}
export interface EgressInterfaces extends Pick<Egress, 'eventPublisher'> {
  readonly securityEvents: Egress['signals'];
}
export interface CertificateInterfaces extends Pick<Certificates, 'certificateAuthority' | 'workloadIdentity'> {
  readonly auditLog: Pick<Seen['auditLog'], 'find'>;
}
export type SecretInterfaces = Pick<Secrets, 'secrets'>;
export interface EdgeInterfaces
  extends Pick<Edge, 'authentication' | 'risk' | 'devices' | 'recovery' | 'breakGlass' | 'singleUse'> {
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly revocations: Edge['authorizationServer']['revocations'];
}
export interface InterfaceParts
  extends EvidenceInterfaces,
    CoreInterfaces,
    EgressInterfaces,
    CertificateInterfaces,
    SecretInterfaces,
    EdgeInterfaces,
    KeyRouteParts {
  readonly auditLog: Evidence['auditLog'];
  readonly directory: Core['directory'];
  readonly signers: Signers;
}

export interface InterfaceOptions {
  /** The guard of one interface. It accepts only tokens with that interface as audience. */
  readonly guard: (name: OwnInterface) => LastingGuard;
  readonly configuration: Pick<Configuration, 'issuer' | 'environment' | 'logOrigin' | 'operator'>;
  /** The base URL for clients of this listener. */
  readonly baseUrl: string;
  readonly clock: Clock;
  /** The OpenAPI description as text. */
  readonly openapi: () => Promise<string>;
}

const closed = { additionalProperties: false };
const installationAnswer = Type.Object(
  {
    issuer: Type.String(),
    environment: Type.Enum(['development', 'production']),
    log: Type.Object({ origin: Type.String(), verifier_key: Type.String({ description: 'C2SP vkey' }) }, closed),
  },
  { ...closed, title: 'Installation' },
);

/** Mounts the interfaces that only this product defines, and the decision point. */
export function mountInterfaces(app: FastifyInstance, parts: InterfaceParts, options: InterfaceOptions): void {
  mountEdgeInterfaces(app, parts, options);
  mountCoreInterfaces(app, parts, options);
  mountEgressInterfaces(app, parts, options);
  mountEvidenceInterfaces(app, parts, options);
  mountCertificateInterfaces(app, parts, options);
  mountSecretInterfaces(app, parts, options);
  mountKeys(app, parts, options);
}

/** The keys of this process. If it serves clients itself, the list includes the keys of the other processes. */
export function mountKeys(
  app: FastifyInstance,
  parts: KeyRouteParts,
  { guard, baseUrl, clock }: Pick<InterfaceOptions, 'guard' | 'baseUrl' | 'clock'>,
): void {
  keyRoutes(app, parts, { guard: guard('keys'), baseUrl, clock });
}

export function mountEdgeInterfaces(app: FastifyInstance, parts: EdgeInterfaces, options: InterfaceOptions): void {
  const { guard, configuration, baseUrl, clock, openapi } = options;
  const { issuer, operator } = configuration;
  revocationsRoutes(app, {
    revocations: parts.revocations,
    directory: parts.directory,
    guard: guard('revocations'),
    resource: `${issuer}/revocations`,
    baseUrl,
  });
  const people = {
    directory: parts.directory,
    guard: guard('people'),
    isOperator: (institution: string) => institution === operator.lei,
    baseUrl,
  };
  peopleRoutes(app, { ...people, authenticators: parts.authentication.authenticators });
  sessionRoutes(app, { ...people, authentication: parts.authentication, signals: parts.risk });
  devicesRoutes(app, { devices: parts.devices, guard: guard('devices'), baseUrl });
  recoveryRoutes(app, { recovery: parts.recovery, guard: guard('recoveries'), operator: operator.lei, baseUrl });
  breakGlassRoutes(app, {
    breakGlass: parts.breakGlass,
    singleUse: parts.singleUse,
    guard: guard('incidents'),
    operator: operator.lei,
    clock,
    baseUrl,
  });
  app.get(
    '/openapi.json',
    described({
      tag: 'installation',
      summary: 'Read this document',
      answers: { 200: { description: 'OpenAPI 3.1', body: Type.Record(Type.String(), Type.Unknown()) } },
    }),
    async (_request, reply) => reply.type('application/json; charset=utf-8').send(await openapi()),
  );
}

export function mountCoreInterfaces(
  app: FastifyInstance,
  parts: CoreInterfaces,
  { guard, baseUrl, clock }: InterfaceOptions,
): void {
  directoryRoutes(app, { directory: parts.directory, guard: guard('directory'), baseUrl });
  trustRegistryRoutes(app, { trustRegistry: parts.trustRegistry, guard: guard('partners'), baseUrl });
  registerScimRoutes(app, { ...parts.scim, guard: guard('scim'), baseUrl });
  consentStoreRoutes(app, {
    consentStore: parts.consentStore,
    signer: parts.signers.mandate,
    guard: guard('mandates'),
    baseUrl,
    clock,
  });
  policyEngineRoutes(app, {
    policyEngine: parts.policyEngine,
    guard: guard('decisions'),
    policiesGuard: guard('policies'),
    baseUrl,
  });
  haltRoutes(app, { halt: parts.halt, guard: guard('halts'), baseUrl });
  transactionRegistryRoutes(app, {
    transactions: parts.transactionRegistry,
    envelopeKeys: () => parts.signers.envelope.publicKeys('envelope'),
    guard: guard('transactions'),
    baseUrl,
  });
}

export function mountEgressInterfaces(
  app: FastifyInstance,
  parts: EgressInterfaces,
  { guard, baseUrl, configuration: { issuer } }: InterfaceOptions,
): void {
  eventPublisherRoutes(app, { events: parts.eventPublisher, guard: guard('events'), baseUrl });
  signalRoutes(app, { signals: parts.securityEvents, issuer, guard: guard('signals'), baseUrl });
}

export function mountCertificateInterfaces(
  app: FastifyInstance,
  { certificateAuthority, workloadIdentity, auditLog }: CertificateInterfaces,
  { guard, baseUrl, clock, configuration: { issuer, operator } }: InterfaceOptions,
): void {
  certificateAuthorityRoutes(app, {
    certificateAuthority,
    guard: guard('certificates'),
    ...{ baseUrl, issuer },
    operator: operator.lei,
    placeOf: async (record) => (await auditLog.find(record))?.index,
  });
  publicKeyInfrastructureRoutes(app, { certificateAuthority, clock });
  acmeRoutes(app, { certificateAuthority, issuer, clock });
  enrolmentRoutes(app, { certificateAuthority, guard: guard('certificates'), baseUrl, issuer });
  workloadIdentityRoutes(app, {
    workloadIdentity,
    guard: guard('workloads'),
    baseUrl,
    operator: operator.lei,
  });
}

export function mountSecretInterfaces(
  app: FastifyInstance,
  { secrets }: SecretInterfaces,
  { guard, baseUrl, configuration: { operator } }: InterfaceOptions,
): void {
  secretsRoutes(app, { secrets, guard: guard('secrets'), operator: operator.lei, baseUrl });
  venuesRoutes(app, { broker: secrets.broker, guard: guard('venues'), baseUrl });
}

export function mountEvidenceInterfaces(
  app: FastifyInstance,
  parts: EvidenceInterfaces,
  { guard, configuration, baseUrl, clock }: InterfaceOptions,
): void {
  const { issuer, environment, logOrigin, operator } = configuration;
  auditLogRoutes(app, {
    auditLog: parts.auditLog,
    guard: guard('evidence'),
    baseUrl,
    operator: operator.lei,
    partiesOf: parts.partiesOf,
    clock,
    random: systemRandom,
  });
  timeStampingRoutes(app, { ...parts.timeStamping, clock });
  retentionRoutes(app, { retention: parts.retention, guard: guard('retention'), operator: operator.lei, baseUrl });
  app.get(
    '/.well-known/countersign',
    described({
      tag: 'installation',
      summary: 'Read what this installation is',
      answers: { 200: { description: 'Its issuer, its environment, its log', body: installationAnswer } },
    }),
    async () => ({ issuer, environment, log: { origin: logOrigin, verifier_key: parts.auditLog.verifierKey() } }),
  );
}
