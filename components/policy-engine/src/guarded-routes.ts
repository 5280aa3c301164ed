import type { Caller, ResourceGuard } from '@countersign/contracts';
import type { Scope } from '@countersign/market';
import { createGate, described } from '@countersign/runtime';
import type { FastifyRequest } from 'fastify';

type Description = Omit<Parameters<typeof described>[0], 'tag' | 'scopes'>;

/** Options for the routes of one interface: each is described, and needs one scope. */
export interface GuardedRoutes {
  callerOf(request: FastifyRequest): Caller;
  needs(
    scope: Scope,
    description: Description,
  ): ReturnType<typeof described> & ReturnType<ReturnType<typeof gateOf>['needs']>;
}

export function guardedRoutes(
  tag: string,
  from: { readonly guard: ResourceGuard; readonly baseUrl: string },
): GuardedRoutes {
  const gate = gateOf(from);
  return {
    callerOf: gate.callerOf,
    needs: (scope, description) => ({ ...described({ tag, scopes: [scope], ...description }), ...gate.needs(scope) }),
  };
}

function gateOf({ guard, baseUrl }: { readonly guard: ResourceGuard; readonly baseUrl: string }) {
  return createGate((request, scope: Scope) => guard.check(request, { scope }), baseUrl);
}
