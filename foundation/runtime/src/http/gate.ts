import type { FastifyRequest } from 'fastify';
import { described, type RouteDescription } from './described.ts';
import { type AccessRequest, accessRequestOf } from './guarded.ts';

interface NeedsScope {
  readonly onRequest: (request: FastifyRequest) => Promise<void>;
}

/** Checks a request's scope before reading its body, and keeps the caller for the handler. */
export interface Gate<Caller, Scope extends string> {
  needs(scope: Scope): NeedsScope;
  /** The same with the route's {@link described} options. */
  route(scope: Scope, description: Omit<RouteDescription, 'scopes'>): ReturnType<typeof described> & NeedsScope;
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
  const needs = (scope: Scope): NeedsScope => ({
    async onRequest(request) {
      callers.set(request, await check(accessRequestOf(request, baseUrl), scope));
    },
  });
  return {
    needs,
    route: (scope, description) => ({ ...described({ ...description, scopes: [scope] }), ...needs(scope) }),
    callerOf(request) {
      const caller = callers.get(request);
      if (caller === undefined) throw new Error('a request reached its handler without a caller');
      return caller;
    },
  };
}
