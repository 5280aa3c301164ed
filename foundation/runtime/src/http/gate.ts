import type { FastifyRequest } from 'fastify';
import { type AccessRequest, accessRequestOf } from './guarded.ts';

/** Checks a request's scope before reading its body, and keeps the caller for the handler. */
export interface Gate<Caller, Scope extends string> {
  /** Spread it into the options of a route. */
  needs(scope: Scope): { readonly onRequest: (request: FastifyRequest) => Promise<void> };
  /** The verified caller, for handlers of routes with {@link needs}. */
  callerOf(request: FastifyRequest): Caller;
}

/**
 * For routes whose options have other hooks; otherwise use `withCaller`.
 *
 * @param check returns the caller, or throws the refusal
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
