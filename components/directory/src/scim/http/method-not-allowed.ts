import type { FastifyInstance } from 'fastify';
import { scimErrors } from '../schema/errors.ts';

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/**
 * 405 and `Allow` for paths with other methods (RFC 9110 section 15.5.6). @returns a function to call after all routes
 * are registered
 */
export function refuseOtherMethods(scim: FastifyInstance): () => void {
  const routes = new Map<string, Set<string>>();
  scim.addHook('onRoute', ({ routePath, method }) => {
    const known = routes.get(routePath) ?? new Set();
    for (const each of [method].flat()) known.add(each);
    routes.set(routePath, known);
  });
  return () => {
    for (const [url, known] of [...routes]) {
      const others = methods.filter((method) => !known.has(method));
      if (others.length === 0) continue;
      const allow = [...known].sort().join(', ');
      scim.route({
        method: others,
        url,
        // Runs before the token and the body are checked, since neither would change the result.
        onRequest: async (request, reply) => {
          reply.header('allow', allow);
          throw scimErrors.error(
            'scim_method_not_allowed',
            `This resource does not support ${request.method}; it supports ${allow}.`,
          );
        },
        handler: async () => undefined,
      });
    }
  };
}
