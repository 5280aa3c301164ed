import type { Actor, Caller, ResourceGuard } from '@countersign/contracts';
import type { Scope } from '@countersign/market';
import { accessRequestOf } from '@countersign/runtime';
import type { FastifyRequest } from 'fastify';

/** Lets requests in by their scope, before a body is read: nobody else may send thirty-two megabytes. */
export interface Gate {
  needs(scope: Scope): { readonly onRequest: (request: FastifyRequest) => Promise<void> };
  callerOf(request: FastifyRequest): Caller;
  actorOf(request: FastifyRequest): Actor;
}

export function createGate(guard: ResourceGuard, baseUrl: string): Gate {
  const callers = new WeakMap<FastifyRequest, Caller>();
  function callerOf(request: FastifyRequest): Caller {
    const caller = callers.get(request);
    if (caller === undefined) throw new Error('a request reached its handler without a caller');
    return caller;
  }
  return {
    needs: (scope) => ({
      async onRequest(request) {
        callers.set(request, await guard.check(accessRequestOf(request, baseUrl), { scope }));
      },
    }),
    callerOf,
    actorOf(request) {
      const { subject, institution } = callerOf(request);
      return { id: subject, institution };
    },
  };
}
