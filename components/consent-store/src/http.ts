import type { ConsentStore, ResourceGuard, Signer } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import { keySetRoute } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { grantRoutes } from './grants/http.ts';
import { amendmentRoutes } from './http/amendment-routes.ts';
import { askingRoutes } from './http/asking-routes.ts';
import { guardedRoutes } from './http/guarded-routes.ts';
import { readingRoutes } from './http/reading-routes.ts';
import { stepRoutes } from './http/step-routes.ts';

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
  const routes = guardedRoutes(app, { tag: 'mandates', guard, baseUrl });
  grantRoutes(guardedRoutes(app, { tag: 'grants', guard, baseUrl }), consentStore.grants);
  keySetRoute(app, '/mandates/keys', {
    tag: 'mandates',
    summary: 'Keys that sign versions of mandates',
    keys: () => signer.publicKeys('mandate'),
  });
  stepRoutes(routes, { consentStore });
  amendmentRoutes(routes, { consentStore });
  readingRoutes(routes, { consentStore });
  askingRoutes(routes, { consentStore, clock });
}
