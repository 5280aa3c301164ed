import type { Actor, Caller, ResourceGuard } from '@countersign/contracts';
import type { Scope } from '@countersign/market';
import { accessRequestOf } from '@countersign/runtime';
import type { FastifyRequest } from 'fastify';

/** Lets requests in by their scope, before a body is read. */
export interface Gate {
  needs(scope: Scope): { readonly onRequest: (request: FastifyRequest) => Promise<void> };
  actorOf(request: FastifyRequest): Required<Actor>;
}

export function createGate(guard: ResourceGuard, baseUrl: string): Gate {
  const callers = new WeakMap<FastifyRequest, Caller>();
  return {
    needs: (scope) => ({
      async onRequest(request) {
        callers.set(request, await guard.check(accessRequestOf(request, baseUrl), { scope }));
      },
    }),
    actorOf(request) {
      const caller = callers.get(request);
      if (caller === undefined) throw new Error('a request reached its handler without a caller');
      return { id: caller.subject, institution: caller.institution };
    },
  };
}
