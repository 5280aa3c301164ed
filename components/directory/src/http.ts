import { actorOf, type ResourceGuard, requesterOf } from '@countersign/contracts';
import type { Scope } from '@countersign/market';
import { createGate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import type { DirectoryComponent } from './directory.ts';
import { changeRoutes } from './http/changes.ts';
import { clientRoutes } from './http/clients.ts';
import { departureRoutes } from './http/departures.ts';
import { fileRoutes } from './http/files.ts';
import { findingRoutes } from './http/findings.ts';
import { referenceDataRoutes } from './http/reference-data.ts';

/**
 * `directory:apply` rewrites every institution, so only the operator holds it. `directory:approve` approves production
 * changes and governing roles; no client holds both. Neither covers findings or reference data.
 */
export function directoryRoutes(
  app: FastifyInstance,
  deps: { readonly directory: DirectoryComponent; readonly guard: ResourceGuard; readonly baseUrl: string },
): void {
  const gate = createGate(
    async (request, scope: Scope) => actorOf(await deps.guard.check(request, { scope })),
    deps.baseUrl,
  );
  fileRoutes(app, deps.directory, gate);
  clientRoutes(app, deps.directory, gate);
  const people = createGate(
    async (request, scope: Scope) => requesterOf(await deps.guard.check(request, { scope })),
    deps.baseUrl,
  );
  changeRoutes(app, deps.directory, people);
  findingRoutes(app, deps.directory, people);
  referenceDataRoutes(app, deps.directory, people);
  departureRoutes(app, deps.directory, gate);
}
