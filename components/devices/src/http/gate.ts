import type { Caller, ResourceGuard } from '@countersign/contracts';
import { accessRequestOf } from '@countersign/runtime';
import type { FastifyRequest } from 'fastify';
import type { Manager } from '../enrolment/enrolment.ts';

/** Lets requests in by their scope, before a body is read. */
export interface Gate {
  needs(scope: 'device:enrol' | 'device:read' | 'device:report'): {
    readonly onRequest: (request: FastifyRequest) => Promise<void>;
  };
  managerOf(request: FastifyRequest): Manager;
}

export interface GateOptions {
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
}

export function createGate({ guard, baseUrl }: GateOptions): Gate {
  const callers = new WeakMap<FastifyRequest, Caller>();
  return {
    needs: (scope) => ({
      async onRequest(request) {
        callers.set(request, await guard.check(accessRequestOf(request, baseUrl), { scope }));
      },
    }),
    managerOf(request) {
      const caller = callers.get(request);
      if (caller === undefined) throw new Error('a request reached its handler without a caller');
      return { id: caller.subject, institution: caller.institution };
    },
  };
}
