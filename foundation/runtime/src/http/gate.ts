import type { FastifyRequest } from 'fastify';
import { type AccessRequest, accessRequestOf } from './guarded.ts';

/** Lets requests in by their scope before their body is read, and keeps who asks until the handler wants to know. */
export interface Gate<Caller, Scope extends string> {
  /** Belongs into the options of a route. */
  needs(scope: Scope): { readonly onRequest: (request: FastifyRequest) => Promise<void> };
  /** Who asks, as the check found; for handlers of routes that need a scope. */
  callerOf(request: FastifyRequest): Caller;
}

/**
 * For routes whose options other hooks share; elsewhere `withCaller` does the same.
 *
 * @param check says who asks, or throws what refuses them
 */
export function createGate<Caller extends object, Scope extends string>(
  check: (request: AccessRequest, scope: Scope) => Promise<Caller>,
  baseUrl: string,
): Gate<Caller, Scope> {
  const callers = new WeakMap<FastifyRequest, Caller>();
  return {
    needs: (scope) => ({
      async onRequest(request) {
        callers.set(request, await check(accessRequestOf(request, baseUrl), scope));
      },
    }),
    callerOf(request) {
      const caller = callers.get(request);
      if (caller === undefined) throw new Error('a request reached its handler without a caller');
      return caller;
    },
  };
}
