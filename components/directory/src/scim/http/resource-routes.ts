import type { Json } from '@countersign/kernel';
import type { Scope } from '@countersign/market';
import { described, type Gate } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type PatchOperation, readPatch } from '../patch/read-patch.ts';
import { type Caller, notFound } from '../provision-users.ts';
import { type Asserted, readResource } from '../schema/read-resource.ts';
import type { ResourceShape } from '../schema/resource-shape.ts';
import { isScimId } from '../scim-id.ts';
import type { ScimResource } from '../users.ts';
import { mediaType, sendResource, sendUnlessKnown } from './answers.ts';
import { readProjection } from './list-query.ts';
import { idParams, patchBody, preconditionHeaders, projectionQuery, refused, resourceBody } from './schemas.ts';

/** What can be done with one resource of a type. */
export interface ResourceOperations {
  read(id: string, institution: string): Promise<ScimResource>;
  replace(id: string, resource: Asserted, by: Caller, ifMatch: string | undefined): Promise<ScimResource>;
  patch(
    id: string,
    operations: readonly PatchOperation[],
    by: Caller,
    ifMatch: string | undefined,
  ): Promise<ScimResource>;
}

type WithId = { Params: { readonly id: string }; Body: Json | undefined };

/** GET, PUT and PATCH of one resource (RFC 7644 sections 3.4.1 and 3.5). */
export function resourceRoutes(
  scim: FastifyInstance,
  shape: ResourceShape,
  operations: ResourceOperations,
  gate: Gate<Caller, Scope>,
): void {
  const url = `${shape.endpoint}/:id`;
  const one = { description: `The ${shape.name}`, body: resourceBody, mediaType };
  const changing = {
    tag: 'scim',
    scopes: ['identity:provision'],
    params: idParams,
    querystring: projectionQuery,
    requestHeaders: preconditionHeaders,
    answers: { 200: one, 404: refused, 412: refused },
  } as const;

  scim.get<WithId>(
    url,
    {
      ...described({
        tag: 'scim',
        summary: `Read a ${shape.name}`,
        scopes: ['identity:read'],
        params: idParams,
        querystring: projectionQuery,
        answers: { 200: one, 304: { description: 'It is still the one that If-None-Match names' }, 404: refused },
      }),
      ...gate.needs('identity:read'),
    },
    async (request, reply) => {
      const projection = readProjection(request.query);
      const resource = await operations.read(idOf(request.params.id), gate.callerOf(request).institution);
      return sendUnlessKnown(request, reply, resource, { shape, projection });
    },
  );

  scim.put<WithId>(
    url,
    {
      ...described({ ...changing, summary: `Replace a ${shape.name}`, body: resourceBody }),
      ...gate.needs('identity:provision'),
    },
    async (request, reply) => {
      const projection = readProjection(request.query);
      const id = idOf(request.params.id);
      const asserted = readResource(request.body, shape);
      const resource = await operations.replace(id, asserted, gate.callerOf(request), ifMatchOf(request));
      return sendResource(reply, resource, { shape, projection });
    },
  );

  scim.patch<WithId>(
    url,
    {
      ...described({ ...changing, summary: `Change a ${shape.name}`, body: patchBody }),
      ...gate.needs('identity:provision'),
    },
    async (request, reply) => {
      const projection = readProjection(request.query);
      const id = idOf(request.params.id);
      const wanted = readPatch(request.body);
      const resource = await operations.patch(id, wanted, gate.callerOf(request), ifMatchOf(request));
      return sendResource(reply, resource, { shape, projection });
    },
  );
}

export function ifMatchOf(request: FastifyRequest): string | undefined {
  return request.headers['if-match'];
}

/** @throws CodedError `scim_resource_unknown` for what cannot be an id */
export function idOf(text: string): string {
  if (!isScimId(text)) throw notFound();
  return text.toLowerCase();
}
