import { type Actor, accessErrors, type Caller, type ResourceGuard } from '@countersign/contracts';
import type { Scope } from '@countersign/market';
import { accessRequestOf } from '@countersign/runtime';
import type { FastifyRequest } from 'fastify';

/** Lets requests in by their scope, before a body is read: nobody else may send four megabytes. */
export interface Gate {
  needs(scope: Scope): { readonly onRequest: (request: FastifyRequest) => Promise<void> };
  /** Who was let in. */
  callerOf(request: FastifyRequest): Caller;
  /**
   * Who takes a step: a person with the software that they signed in to, which holds one of the two scopes and not both.
   * Whoever acts for others beyond that could be both of the two: propose for the one and approve for the other.
   *
   * @throws CodedError `insufficient_scope` where somebody else acts on the subject's behalf
   */
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
      const caller = callerOf(request);
      if (caller.actors.length > (caller.subject.startsWith('person:') ? 1 : 0))
        throw accessErrors.error(
          'insufficient_scope',
          'Policies are changed by those who answer for it themselves: this token was given to somebody acting for another.',
        );
      return { id: caller.subject, institution: caller.institution };
    },
  };
}
