import { type ResourceGuard, retentionErrors } from '@countersign/contracts';
import { accessRequestOf } from '@countersign/runtime';
import type { FastifyRequest } from 'fastify';
import { type Requester, requesterOf } from '../requester.ts';

/** Lets requests of the operator in by their scope, before a body is read. */
export interface Gate {
  needs(scope: string): { readonly onRequest: (request: FastifyRequest) => Promise<void> };
  requester(request: FastifyRequest): Requester;
}

export interface GateOptions {
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
  /** LEI of the institution that keeps the evidence. */
  readonly operator: string;
}

export function createGate({ guard, baseUrl, operator }: GateOptions): Gate {
  const requesters = new WeakMap<FastifyRequest, Requester>();
  return {
    needs: (scope) => ({
      async onRequest(request) {
        const caller = await guard.check(accessRequestOf(request, baseUrl), { scope });
        if (caller.institution !== operator)
          throw retentionErrors.error(
            'retention_of_the_operator',
            'How long evidence is kept is decided by the operator of this installation.',
          );
        requesters.set(request, requesterOf(caller));
      },
    }),
    requester(request) {
      const requester = requesters.get(request);
      if (requester === undefined) throw new Error('a request reached its handler without a caller');
      return requester;
    },
  };
}
