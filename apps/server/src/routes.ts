import { authenticationRoutes, selfServicePages } from '@countersign/authentication';
import {
  authorizationServerRoutes,
  grantManagementRoutes,
  registrationRoutes,
} from '@countersign/authorization-server';
import { breakGlassPages } from '@countersign/break-glass';
import { devicePages } from '@countersign/devices';
import { type Clock, systemRandom } from '@countersign/kernel';
import { recoveryPages } from '@countersign/recovery';
import { described, type Logger, type Metrics, pageRoutes } from '@countersign/runtime';
import { approverPageRoutes, type EvidencePathOf } from '@countersign/transaction-registry';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Components } from './components.ts';
import type { Configuration } from './configuration.ts';
import { mountInterfaces } from './interfaces.ts';
import type { Listener } from './listeners.ts';
import type { OwnInterface } from './own-interfaces.ts';
import { selfServiceSources } from './self-service-sources.ts';

/**
 * Every door of the control plane, as one listener has them. Each interface accepts tokens for itself alone, under its
 * one name below the issuer, whichever listener they come to.
 *
 * @param listener.baseUrl what clients of this listener call it: proofs name it
 */
export function mountRoutes(
  app: FastifyInstance,
  components: Components,
  {
    configuration,
    listener,
    clock,
    openapi,
  }: {
    readonly configuration: Configuration;
    readonly listener: Listener;
    readonly clock: Clock;
    readonly openapi: () => Promise<string>;
  },
): void {
  const { baseUrl } = listener;
  const { authorizationServer, registration, grantManagement } = components;
  const guard = (name: OwnInterface) => authorizationServer.guard(`${configuration.issuer}/${name}`);
  authorizationServerRoutes(app, { ...components, baseUrl });
  registrationRoutes(app, { registration, guard: guard('register'), baseUrl });
  if (grantManagement !== undefined) grantManagementRoutes(app, { grantManagement, guard: guard('grants'), baseUrl });
  mountInterfaces(
    app,
    {
      ...components,
      revocations: authorizationServer.revocations,
      partiesOf: (id) => components.transactionRegistry.parties(id),
    },
    {
      guard,
      configuration,
      baseUrl,
      clock,
      openapi,
    },
  );
}

/** The pages for people: on the main listener alone, since they and their cookies belong to its origin. */
export function mountPages(
  app: FastifyInstance,
  components: Components,
  {
    configuration,
    clock,
    logger,
    evidencePathOf,
  }: {
    readonly configuration: Configuration;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly evidencePathOf?: EvidencePathOf | undefined;
  },
): void {
  const { authentication, directory, recovery, breakGlass, transactionRegistry, auditLog } = components;
  const { issuer, environment, approvals = {} } = configuration;
  const common = {
    authentication,
    statements: authentication.authenticators,
    directory,
    issuer,
    environment,
    clock,
    random: systemRandom,
    logger,
  };
  pageRoutes(app);
  authenticationRoutes(app, { authentication, directory, logger });
  selfServicePages(app, { ...common, sources: selfServiceSources(components, clock) });
  approverPageRoutes(app, {
    ...common,
    ...approvals,
    transactions: transactionRegistry,
    acrValues: components.approvalClasses,
    otherPath: '/approvals',
    evidencePathOf,
  });
  devicePages(app, { devices: components.devices, directory, logger });
  recoveryPages(app, { ...common, recovery });
  breakGlassPages(app, { ...common, breakGlass, log: auditLog });
}

/** What the address for mutual TLS has for people: where a browser shows its certificate. */
export function mountCertificatePages(app: FastifyInstance, { elsewhere }: Pick<Components, 'elsewhere'>): void {
  elsewhere.certificate?.mutualTlsRoutes(app);
}

/** Is the process alive, is it of use, and how is it doing. */
export function mountHealth(
  app: FastifyInstance,
  options: { readonly ready: () => Promise<boolean>; readonly metrics: Metrics },
): void {
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
        200: { description: 'The log can be read and signed', body: statusAnswer('ready') },
        503: { description: 'It cannot, or the process is about to stop', body: statusAnswer('not ready') },
      },
    }),
    async (_request, reply) => {
      const ready = await options.ready();
      return reply.status(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready' });
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
