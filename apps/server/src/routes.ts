import { auditLogRoutes } from '@countersign/audit-log';
import { authorizationServerRoutes } from '@countersign/authorization-server';
import { consentStoreRoutes } from '@countersign/consent-store';
import { type Actor, type KeyPurpose, keyPurposes, type ResourceGuard } from '@countersign/contracts';
import { directoryRoutes } from '@countersign/directory';
import { type Clock, CodedError, newId, systemRandom } from '@countersign/kernel';
import { policyEngineRoutes } from '@countersign/policy-engine';
import { type Metrics, withCaller } from '@countersign/runtime';
import { transactionRegistryRoutes } from '@countersign/transaction-registry';
import { trustRegistryRoutes } from '@countersign/trust-registry';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Components } from './components.ts';
import type { Configuration } from './configuration.ts';
import type { OwnInterface } from './own-interfaces.ts';

/** Every door of the control plane. Each interface accepts tokens for itself alone. */
export function mountRoutes(
  app: FastifyInstance,
  components: Components,
  configuration: Configuration,
  clock: Clock,
): void {
  const baseUrl = configuration.issuer;
  const guard = (name: OwnInterface): ResourceGuard => components.authorizationServer.guard(`${baseUrl}/${name}`);

  authorizationServerRoutes(app, components);
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
    issuer: baseUrl,
    environment: configuration.environment,
    log: { origin: configuration.logOrigin, verifier_key: components.auditLog.verifierKey() },
  }));
}

/** Rotation at run time. Recorded before it is answered; the successor signs only when its lead has passed. */
function keyRoutes(
  app: FastifyInstance,
  { signers, auditLog }: Components,
  { guard, baseUrl, clock }: { readonly guard: ResourceGuard; readonly baseUrl: string; readonly clock: Clock },
): void {
  app.post(
    '/keys/:purpose/rotate',
    withCaller(
      (request) => guard.check(request, { scope: 'key:rotate' }),
      baseUrl,
      async (request: FastifyRequest<{ Params: { purpose: string } }>, _reply, caller) => {
        const purpose = keyPurposes.find((candidate) => candidate === request.params.purpose);
        if (purpose === undefined)
          throw new CodedError({
            code: 'key_purpose_unknown',
            category: 'not-found',
            detail: `There are keys for ${keyPurposes.join(' and ')}.`,
          });
        if (purpose === 'log-checkpoint')
          throw new CodedError({
            code: 'key_rotation_unsupported',
            category: 'conflict',
            detail:
              'The key of a log is part of its identity to everyone who verifies it; it is succeeded together with a new log, not in place.',
          });
        return rotate(purpose, { id: caller.subject, institution: caller.institution });
      },
    ) as never,
  );

  async function rotate(purpose: KeyPurpose, by: Actor): Promise<unknown> {
    const { kid, algorithm, state } = await signers[purpose].rotate(purpose, async (successor) => {
      await auditLog.append({
        id: newId('record', { clock, random: systemRandom }),
        type: 'key.published',
        source: 'authorization-server',
        outcome: 'done',
        actors: [by],
        data: { purpose, kid: successor.kid, algorithm: successor.algorithm, jwk: { ...successor.jwk } },
      });
    });
    return { purpose, kid, algorithm, state };
  }
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
