import type { Caller, ResourceGuard } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { described, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteGenericInterface } from 'fastify';

type Description = Omit<Parameters<typeof described>[0], 'tag' | 'scopes'> & { readonly bodyLimit?: number };

type AddRoute = <Route extends RouteGenericInterface>(
  path: string,
  scope: string,
  description: Description,
  handler: (request: FastifyRequest<Route>, caller: Caller, reply: FastifyReply) => Promise<unknown>,
) => void;

/** Adds described routes whose handlers run only for a caller whose token has the scope. */
export interface GuardedRoutes {
  readonly get: AddRoute;
  readonly post: AddRoute;
}

export function guardedRoutes(
  app: FastifyInstance,
  { tag, guard, baseUrl }: { readonly tag: string; readonly guard: ResourceGuard; readonly baseUrl: string },
): GuardedRoutes {
  const adding =
    (method: 'GET' | 'POST'): AddRoute =>
    (path, scope, { bodyLimit, ...description }, handler) => {
      app.route({
        method,
        url: path,
        ...described({ tag, scopes: [scope], ...description }),
        ...defined({ bodyLimit }),
        handler: withCaller(
          (request) => guard.check(request, { scope }),
          baseUrl,
          // The route has the schema of the handler.
          (request, reply, caller: Caller) => handler(request as Parameters<typeof handler>[0], caller, reply),
        ),
      });
    };
  return { get: adding('GET'), post: adding('POST') };
}
