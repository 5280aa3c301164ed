import { type Caller, directoryErrors, type ResourceGuard } from '@countersign/contracts';
import { accessRequestOf, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import type { DirectoryComponent } from './directory.ts';

const strict = { additionalProperties: false } as const;
const flag = Type.Union([Type.Literal('true'), Type.Literal('false')]);
const planQuery = Type.Object({ prune: Type.Optional(flag) }, strict);
const applyQuery = Type.Object(
  { prune: Type.Optional(flag), expected_version: Type.Optional(Type.String({ pattern: '^(0|[1-9][0-9]{0,8})$' })) },
  strict,
);
const entityParams = Type.Object(
  { kind: Type.String({ maxLength: 32 }), id: Type.String({ minLength: 1, maxLength: 512 }) },
  strict,
);

const fileLimitBytes = 4 * 1024 * 1024;

/**
 * The directory's door.
 *
 * `directory:apply` rewrites the directory of every institution: it is for the operator of the installation.
 */
export function directoryRoutes(
  app: FastifyInstance,
  deps: { readonly directory: DirectoryComponent; readonly guard: ResourceGuard; readonly baseUrl: string },
): void {
  const { directory, guard, baseUrl } = deps;
  const callers = new WeakMap<FastifyRequest, Caller>();
  // Before the body is read: nobody else may send four megabytes. The body has no schema here, because the
  // directory tells everything that is wrong with a file, at once and with its place.
  const forApply = {
    bodyLimit: fileLimitBytes,
    onRequest: async (request: FastifyRequest) => {
      callers.set(request, await guard.check(accessRequestOf(request, baseUrl), { scope: 'directory:apply' }));
    },
  };

  app.post<{ Querystring: Static<typeof planQuery> }>(
    '/directory/plan',
    { ...forApply, schema: { querystring: planQuery } },
    async (request) => {
      // Read before planning: if something changes in between, `expected_version` is too old rather than too new.
      const { version } = directory.snapshot();
      const changes = await directory.plan(request.body, { prune: request.query.prune === 'true' });
      return { version, changes };
    },
  );

  app.post<{ Querystring: Static<typeof applyQuery> }>(
    '/directory/apply',
    { ...forApply, schema: { querystring: applyQuery } },
    async (request) => {
      const caller = callers.get(request);
      if (caller === undefined) throw new Error('a request reached its handler without a caller');
      const { prune, expected_version: expected } = request.query;
      return directory.apply(
        request.body,
        { id: caller.subject, institution: caller.institution },
        { prune: prune === 'true', ...(expected === undefined ? {} : { expectedVersion: Number(expected) }) },
      );
    },
  );

  app.get<{ Params: Static<typeof entityParams> }>(
    '/directory/:kind/:id',
    { schema: { params: entityParams } },
    withCaller<Caller, FastifyRequest<{ Params: Static<typeof entityParams> }>>(
      (request) => guard.check(request, { scope: 'directory:read' }),
      baseUrl,
      async (request) => {
        const document = directory.document(request.params.kind, request.params.id);
        if (document === undefined)
          throw directoryErrors.error('entity_not_found', 'The directory has no entity of this kind and id.');
        return document;
      },
    ),
  );
}
