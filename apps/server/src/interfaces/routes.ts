import { authenticationRoutes, selfServicePages } from '@countersign/authentication';
import {
  authorizationServerRoutes,
  grantManagementRoutes,
  registrationRoutes,
} from '@countersign/authorization-server';
import { breakGlassPages } from '@countersign/break-glass';
import type { Directory } from '@countersign/contracts';
import { devicePages } from '@countersign/devices';
import { type Clock, systemRandom } from '@countersign/kernel';
import { recoveryPages } from '@countersign/recovery';
import { described, type Logger, type Metrics, pageRoutes } from '@countersign/runtime';
import { approverPageRoutes, type EvidencePathOf } from '@countersign/transaction-registry';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Components, Core, Edge, Seen } from '../components/index.ts';
import type { Configuration, Listener, OwnInterface } from '../configuration/index.ts';
import { type InterfaceOptions, mountInterfaces } from './interfaces.ts';
import { selfServiceSources } from './self-service-sources.ts';

/**
 * Mounts every interface of the control plane on one listener. Each interface accepts only tokens with its own audience, which
 * is its name below the issuer on every listener.
 *
 * @param listener.baseUrl the base URL for clients of this listener, which proofs name
 */
export function mountRoutes(
  app: FastifyInstance,
  components: Components,
  {
    configuration,
    listener,
    clock,
    openapi,
  }: Omit<InterfaceOptions, 'guard' | 'baseUrl'> & {
    readonly listener: Listener;
  },
): void {
  const { authorizationServer, transactionRegistry } = components;
  const options = {
    ...{ configuration, clock, openapi },
    baseUrl: listener.baseUrl,
    guard: (name: OwnInterface) => authorizationServer.guard(`${configuration.issuer}/${name}`),
  };
  mountAuthorizationServer(app, components, options);
  mountInterfaces(
    app,
    {
      ...components,
      revocations: authorizationServer.revocations,
      partiesOf: (id) => transactionRegistry.parties(id),
    },
    options,
  );
}

/** The endpoints of OAuth and OpenID Connect, client registration and grant management. */
export function mountAuthorizationServer(
  app: FastifyInstance,
  parts: Pick<Edge, 'authorizationServer' | 'authentication' | 'registration' | 'grantManagement'> & {
    readonly directory: Pick<Directory, 'snapshot'>;
  },
  { guard, baseUrl }: Pick<InterfaceOptions, 'guard' | 'baseUrl'>,
): void {
  const { registration, grantManagement } = parts;
  authorizationServerRoutes(app, { ...parts, baseUrl });
  registrationRoutes(app, { registration, guard: guard('register'), baseUrl });
  if (grantManagement !== undefined) grantManagementRoutes(app, { grantManagement, guard: guard('grants'), baseUrl });
}

export interface PageOptions {
  readonly configuration: Configuration;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The pages for people. Only on the main listener, because the pages and their cookies belong to its origin. */
export function mountPages(
  app: FastifyInstance,
  components: Components,
  { evidencePathOf, ...options }: PageOptions & { readonly evidencePathOf?: EvidencePathOf | undefined },
): void {
  mountPeoplePages(app, components, options);
  const statements = components.authentication.authenticators;
  mountApproverPages(app, { ...components, statements }, { ...options, evidencePathOf });
}

/** Pages of a person's own account, devices and emergencies. */
export function mountPeoplePages(
  app: FastifyInstance,
  parts: Pick<Edge, 'authentication' | 'devices' | 'recovery' | 'breakGlass' | 'risk'> &
    Pick<Seen, 'directory' | 'consentStore' | 'auditLog'>,
  { configuration: { issuer, environment }, clock, logger }: PageOptions,
): void {
  const { authentication, directory, devices, recovery, breakGlass, auditLog } = parts;
  const common = {
    authentication,
    statements: authentication.authenticators,
    ...{ directory, issuer, environment, clock, random: systemRandom, logger },
  };
  pageRoutes(app);
  authenticationRoutes(app, { authentication, directory, logger });
  selfServicePages(app, { ...common, sources: selfServiceSources(parts, clock) });
  devicePages(app, { devices, directory, logger });
  recoveryPages(app, { ...common, recovery });
  breakGlassPages(app, { ...common, breakGlass, log: auditLog });
}

export function mountApproverPages(
  app: FastifyInstance,
  parts: Pick<Core, 'transactionRegistry' | 'approvalClasses'> &
    Pick<Seen, 'directory' | 'authentication' | 'statements'>,
  {
    configuration,
    clock,
    logger,
    evidencePathOf,
  }: PageOptions & { readonly evidencePathOf?: EvidencePathOf | undefined },
): void {
  const { transactionRegistry, approvalClasses, directory, authentication, statements } = parts;
  const { issuer, environment, approvals = {} } = configuration;
  approverPageRoutes(app, {
    ...{ authentication, statements, directory, issuer, environment, clock, random: systemRandom, logger },
    ...approvals,
    transactions: transactionRegistry,
    acrValues: approvalClasses,
    otherPath: '/approvals',
    evidencePathOf,
  });
}

/** The pages on the mutual TLS address, where a browser presents its certificate. */
export function mountCertificatePages(app: FastifyInstance, { remote }: Pick<Edge, 'remote'>): void {
  remote.certificate?.mutualTlsRoutes(app);
}

export interface HealthOptions {
  readonly ready: () => Promise<boolean>;
  /** Codes of tasks that need attention soon. Default: none. */
  readonly warnings?: () => readonly string[];
  readonly metrics: Metrics;
}

export function mountHealth(app: FastifyInstance, options: HealthOptions): void {
  app.get(
    '/healthz',
    described({
      tag: 'operation',
      summary: 'Is the process alive?',
      answers: { 200: { description: 'It is', body: statusAnswer('ok') } },
    }),
    async () => ({ status: 'ok' }),
  );
  app.get(
    '/readyz',
    described({
      tag: 'operation',
      summary: 'Is it of use?',
      answers: {
        200: { description: 'The log can be read and signed', body: readinessAnswer('ready') },
        503: { description: 'It cannot, or the process is about to stop', body: readinessAnswer('not ready') },
      },
    }),
    async (_request, reply) => {
      const ready = await options.ready();
      const warnings = options.warnings?.() ?? [];
      const status = ready ? 'ready' : 'not ready';
      return reply.status(ready ? 200 : 503).send({ status, ...(warnings.length === 0 ? {} : { warnings }) });
    },
  );
  app.get(
    '/metrics',
    described({
      tag: 'operation',
      summary: 'Read how it is doing',
      answers: { 200: { description: 'Prometheus exposition format', body: Type.String(), mediaType: 'text/plain' } },
    }),
    async (_request, reply) =>
      reply.type(options.metrics.registry.contentType).send(await options.metrics.registry.metrics()),
  );
}

function statusAnswer(status: string) {
  return Type.Object({ status: Type.Literal(status) }, { additionalProperties: false });
}

function readinessAnswer(status: string) {
  return Type.Object(
    {
      status: Type.Literal(status),
      warnings: Type.Optional(
        Type.Array(Type.String(), {
          description: 'What somebody has to do before long: `process_certificate_ends` within thirty days',
        }),
      ),
    },
    { additionalProperties: false },
  );
}
