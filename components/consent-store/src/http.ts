import type { Caller, ConsentStore, ResourceGuard, Signer } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import { keySetRoute, withCaller } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { grantRoutes } from './grants/http.ts';
import { amendmentRoutes } from './http/amendment-routes.ts';
import { askingRoutes } from './http/asking-routes.ts';
import { readingRoutes } from './http/reading-routes.ts';
import { stepRoutes } from './http/step-routes.ts';
import type { WithScope } from './http/with-scope.ts';

export interface ConsentStoreRoutes {
  readonly consentStore: ConsentStore;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
  readonly clock: Clock;
  readonly signer: Pick<Signer, 'publicKeys'>;
}

/** Mandates under `/mandates`, visible to their parties only, and grants under `/grants`. */
export function consentStoreRoutes(
  app: FastifyInstance,
  { consentStore, guard, baseUrl, clock, signer }: ConsentStoreRoutes,
): void {
  const withScope: WithScope = (scope, handler) =>
    withCaller<Caller, Parameters<typeof handler>[0]>(
      (request) => guard.check(request, { scope }),
      baseUrl,
      (request, reply, caller) => handler(request, caller, reply),
    );
  grantRoutes(app, { grants: consentStore.grants, guard, baseUrl });
  keySetRoute(app, '/mandates/keys', {
    tag: 'mandates',
    summary: 'Keys that sign versions of mandates',
    keys: () => signer.publicKeys('mandate'),
  });
  stepRoutes(app, { consentStore, withScope });
  amendmentRoutes(app, { consentStore, withScope });
  readingRoutes(app, { consentStore, withScope });
  askingRoutes(app, { consentStore, withScope, clock });
}
