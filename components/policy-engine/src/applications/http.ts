import {
  actorOf,
  type Caller,
  type EvaluationCaller,
  type PolicyEngine,
  type ResourceGuard,
} from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import { recordSchema } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { guardedRoutes } from '../guarded-routes.ts';

const strict = { additionalProperties: false } as const;
const scope = 'application:write';
const bodyLimit = 64 * 1024;

const namespace = Type.String({ pattern: '^[A-Z][A-Za-z0-9]{0,31}$', description: 'Namespace of the model' });
const uid = Type.Object({ type: Type.String({ maxLength: 128 }), id: Type.String({ maxLength: 512 }) }, strict);
const members = Type.Unsafe<Readonly<Record<string, Json>>>(
  Type.Record(Type.String({ maxLength: 64 }), Type.Unknown(), { description: 'In the JSON form of Cedar' }),
);
const parents = Type.Array(uid, { maxItems: 256 });
const entityParams = Type.Object(
  {
    namespace,
    type: Type.String({
      pattern: '^[A-Za-z_][A-Za-z0-9_]{0,63}$',
      description: 'Entity type in the schema, without the namespace',
    }),
    id: Type.String({ minLength: 1, maxLength: 512 }),
  },
  strict,
);
const modelParams = Type.Object({ namespace }, strict);
const entityBody = Type.Object({ attrs: members, parents: Type.Optional(parents) }, strict);
const entity = Type.Object({ uid, attrs: members, parents }, { ...strict, title: 'ApplicationEntity' });
const changed = Type.Object(
  {
    version: Type.Integer({
      minimum: 1,
      description: 'Version of the entities of the model: `entity_version` of decisions',
    }),
    recordId: recordSchema({ description: 'The record of the change' }),
  },
  strict,
);
const listQuery = Type.Object({ after: Type.Optional(Type.String({ maxLength: 4_096 })) }, strict);
const list = Type.Object(
  {
    version: Type.Integer({ minimum: 0 }),
    entities: Type.Array(entity, { description: 'A hundred at most' }),
    next: Type.Optional(Type.String({ description: 'Value of `after` for the next page' })),
  },
  strict,
);

type Params<Of extends typeof entityParams | typeof modelParams> = { Params: Static<Of> };

export function applicationEntityRoutes(
  app: FastifyInstance,
  {
    entities,
    ...from
  }: {
    readonly entities: PolicyEngine['applicationEntities'];
    readonly guard: ResourceGuard;
    readonly baseUrl: string;
  },
): void {
  const routes = guardedRoutes('decisions', from);
  const byOf = (caller: Caller): EvaluationCaller => ({ ...actorOf(caller), client: caller.client });
  const path = '/decisions/applications/:namespace/entities';

  app.get<Params<typeof modelParams> & { Querystring: Static<typeof listQuery> }>(
    path,
    routes.needs(scope, {
      summary: 'List the written entities',
      description: 'For a model that lets this client write. Does not include the entities of the bundle.',
      params: modelParams,
      querystring: listQuery,
      answers: { 200: { description: 'Sorted by type and id', body: list } },
    }),
    async (request) => {
      const { after } = request.query;
      return entities.list(request.params.namespace, {
        by: byOf(routes.callerOf(request)),
        ...(after === undefined ? {} : { after }),
      });
    },
  );

  app.get<Params<typeof entityParams>>(
    `${path}/:type/:id`,
    routes.needs(scope, {
      summary: 'Read a written entity',
      params: entityParams,
      answers: { 200: { description: 'The entity', body: entity } },
    }),
    async (request) => entities.find(request.params, byOf(routes.callerOf(request))),
  );

  app.put<Params<typeof entityParams> & { Body: Static<typeof entityBody> }>(
    `${path}/:type/:id`,
    {
      bodyLimit,
      ...routes.needs(scope, {
        summary: 'Write an entity',
        description:
          'The change is recorded. Decisions of this node use it when this is answered, those of other nodes within two seconds.',
        params: entityParams,
        body: entityBody,
        answers: { 200: { description: 'The entity is written', body: changed } },
      }),
    },
    async (request) => {
      const { attrs, parents: above = [] } = request.body;
      return entities.put(request.params, { attrs, parents: above }, byOf(routes.callerOf(request)));
    },
  );

  app.delete<Params<typeof entityParams>>(
    `${path}/:type/:id`,
    routes.needs(scope, {
      summary: 'Remove an entity',
      params: entityParams,
      answers: { 200: { description: 'The entity is removed', body: changed } },
    }),
    async (request) => entities.remove(request.params, byOf(routes.callerOf(request))),
  );
}
