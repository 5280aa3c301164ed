import { auditLogRoutes } from '@countersign/audit-log';
import { authenticationRoutes } from '@countersign/authentication';
import { authorizationServerRoutes, revocationsRoutes } from '@countersign/authorization-server';
import { consentStoreRoutes } from '@countersign/consent-store';
import type { ResourceGuard } from '@countersign/contracts';
import { directoryRoutes } from '@countersign/directory';
import type { Clock } from '@countersign/kernel';
import { policyEngineRoutes } from '@countersign/policy-engine';
import { type Logger, type Metrics, pageRoutes } from '@countersign/runtime';
import { transactionRegistryRoutes } from '@countersign/transaction-registry';
import { trustRegistryRoutes } from '@countersign/trust-registry';
import type { FastifyInstance } from 'fastify';
import type { Components } from './components.ts';
import type { Configuration } from './configuration.ts';
import { keyRoutes } from './key-routes.ts';
import type { Listener } from './listeners.ts';
import type { OwnInterface } from './own-interfaces.ts';

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
  }: { readonly configuration: Configuration; readonly listener: Listener; readonly clock: Clock },
): void {
  const { baseUrl } = listener;
  const { issuer } = configuration;
  const guard = (name: OwnInterface): ResourceGuard => components.authorizationServer.guard(`${issuer}/${name}`);

  authorizationServerRoutes(app, { ...components, baseUrl });
  revocationsRoutes(app, {
    revocations: components.authorizationServer.revocations,
    directory: components.directory,
    guard: guard('revocations'),
    resource: `${issuer}/revocations`,
    baseUrl,
  });
  directoryRoutes(app, { ...components, guard: guard('directory'), baseUrl });
  trustRegistryRoutes(app, { ...components, guard: guard('partners'), baseUrl });
  consentStoreRoutes(app, { ...components, guard: guard('mandates'), baseUrl, clock });
  policyEngineRoutes(app, { ...components, guard: guard('decisions'), baseUrl });
  transactionRegistryRoutes(app, {
    transactions: components.transactionRegistry,
    guard: guard('transactions'),
    baseUrl,
  });
  auditLogRoutes(app, { ...components, guard: guard('evidence'), baseUrl });
  keyRoutes(app, components, { guard: guard('keys'), baseUrl, clock });

  app.get('/.well-known/countersign', async () => ({
    issuer,
    environment: configuration.environment,
    log: { origin: configuration.logOrigin, verifier_key: components.auditLog.verifierKey() },
  }));
}

/** The pages on which people sign in: on the main listener alone, since they and their cookies belong to its origin. */
export function mountPages(app: FastifyInstance, components: Components, logger: Logger): void {
  pageRoutes(app);
  authenticationRoutes(app, { ...components, logger });
}

/** Is the process alive, is it of use, and how is it doing. */
export function mountHealth(
  app: FastifyInstance,
  options: { readonly ready: () => Promise<boolean>; readonly metrics: Metrics },
): void {
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const ready = await options.ready();
    return reply.status(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready' });
  });
  app.get('/metrics', async (_request, reply) =>
    reply.type(options.metrics.registry.contentType).send(await options.metrics.registry.metrics()),
  );
}
