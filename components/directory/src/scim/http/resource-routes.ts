import { defined, type Json } from '@countersign/kernel';
import type { Scope } from '@countersign/market';
import { described, type Gate } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { readPatch } from '../patch/read-patch.ts';
import type { Caller } from '../resources/resource-operations.ts';
import { idOf, type ResourceOperations } from '../resources/resource-operations.ts';
import { readResource } from '../schema/read-resource.ts';
import { mediaType, sendResource, sendUnlessKnown } from './answers.ts';
import { readProjection } from './list-query.ts';
import { idParams, patchBody, preconditionHeaders, projectionQuery, refused, resourceBody } from './schemas.ts';

type WithId = { Params: { readonly id: string }; Body: Json | undefined };
type WithBody = { Body: Json | undefined };

export function resourceRoutes(scim: FastifyInstance, operations: ResourceOperations, gate: Gate<Caller, Scope>): void {
  const { shape, summaries } = operations;
  scim.post<WithBody>(
    shape.endpoint,
    {
      ...described({
        tag: 'scim',
        ...summaries.create,
        scopes: ['identity:provision'],
        querystring: projectionQuery,
        body: resourceBody,
        answers: { 201: { description: `The ${shape.name}`, body: resourceBody, mediaType }, 409: refused },
      }),
      ...gate.needs('identity:provision'),
    },
    async (request, reply) => {
      const projection = readProjection(request.query);
      const resource = await operations.create(readResource(request.body, shape), gate.callerOf(request));
      return sendResource(reply, resource, { shape, projection, status: 201 });
    },
  );
  oneResourceRoutes(scim, operations, gate, {
    url: `${shape.endpoint}/:id`,
    name: `a ${shape.name}`,
    removal: summaries.remove,
    params: idParams,
    // The route has this schema.
    find: async (request) => idOf((request.params as WithId['Params']).id),
  });
}

interface ResourcePlace {
  readonly url: string;
  readonly name: string;
  readonly removal: { readonly summary: string; readonly description: string };
  readonly params?: typeof idParams;
  readonly find: (request: FastifyRequest) => Promise<string>;
}

export function oneResourceRoutes(
  scim: FastifyInstance,
  operations: ResourceOperations,
  gate: Gate<Caller, Scope>,
  { url, name, removal, params, find }: ResourcePlace,
): void {
  const { shape } = operations;
  const one = { description: `The ${shape.name}`, body: resourceBody, mediaType };
  const place = { tag: 'scim', ...defined({ params }) } as const;
  const changing = { ...place, scopes: ['identity:provision'], requestHeaders: preconditionHeaders } as const;
  const changed = { querystring: projectionQuery, answers: { 200: one, 404: refused, 412: refused } } as const;
  const reading = gate.needs('identity:read');
  const provisioning = gate.needs('identity:provision');

  scim.get(
    url,
    {
      ...described({
        ...place,
        summary: `Read ${name}`,
        scopes: ['identity:read'],
        querystring: projectionQuery,
        answers: { 200: one, 304: { description: 'It is still the one that If-None-Match names' }, 404: refused },
      }),
      ...reading,
    },
    async (request, reply) => {
      const projection = readProjection(request.query);
      const resource = await operations.read(await find(request), gate.callerOf(request).institution);
      return sendUnlessKnown(request, reply, resource, { shape, projection });
    },
  );

  const change =
    (make: (id: string, request: FastifyRequest<WithBody>) => Promise<Parameters<typeof sendResource>[1]>) =>
    async (request: FastifyRequest<WithBody>, reply: FastifyReply): Promise<FastifyReply> => {
      const projection = readProjection(request.query);
      return sendResource(reply, await make(await find(request), request), { shape, projection });
    };

  scim.put<WithBody>(
    url,
    { ...described({ ...changing, ...changed, summary: `Replace ${name}`, body: resourceBody }), ...provisioning },
    change((id, request) =>
      operations.replace(id, readResource(request.body, shape), gate.callerOf(request), ifMatchOf(request)),
    ),
  );

  scim.patch<WithBody>(
    url,
    { ...described({ ...changing, ...changed, summary: `Change ${name}`, body: patchBody }), ...provisioning },
    change((id, request) => operations.patch(id, readPatch(request.body), gate.callerOf(request), ifMatchOf(request))),
  );

  scim.delete(
    url,
    {
      ...described({ ...changing, ...removal, answers: { 204: { description: 'Gone' }, 404: refused, 412: refused } }),
      ...provisioning,
    },
    async (request, reply) => {
      await operations.remove(await find(request), gate.callerOf(request), ifMatchOf(request));
      return reply.status(204).send();
    },
  );
}

function ifMatchOf(request: FastifyRequest): string | undefined {
  return request.headers['if-match'];
}
