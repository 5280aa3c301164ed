import type { PolicyEngine, ResourceGuard } from '@countersign/contracts';
import { described, withCaller } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { applicationEntityRoutes } from './applications/http.ts';
import { authzenRoutes } from './authzen/http.ts';
import { historyRoutes } from './history/http.ts';
import { versionRoutes } from './versions/http.ts';
import { versionAnswer } from './versions/schemas.ts';

export function policyEngineRoutes(
  app: FastifyInstance,
  {
    policyEngine,
    guard,
    policiesGuard,
    baseUrl,
  }: {
    readonly policyEngine: PolicyEngine;
    readonly guard: ResourceGuard;
    readonly policiesGuard: ResourceGuard;
    readonly baseUrl: string;
  },
): void {
  authzenRoutes(app, { policyEngine, guard, baseUrl });
  applicationEntityRoutes(app, { entities: policyEngine.applicationEntities, guard, baseUrl });
  versionRoutes(app, { policyEngine, guard: policiesGuard, baseUrl });
  historyRoutes(app, { history: policyEngine.history, guard: policiesGuard, baseUrl });

  app.get(
    '/decisions/policy',
    described({
      tag: 'decisions',
      summary: 'Read the active policies',
      scopes: ['decision:evaluate'],
      answers: { 200: { description: 'The version that decides now', body: versionAnswer } },
    }),
    withCaller(
      (request) => guard.check(request, { scope: 'decision:evaluate' }),
      baseUrl,
      async () => policyEngine.active(),
    ),
  );
}
