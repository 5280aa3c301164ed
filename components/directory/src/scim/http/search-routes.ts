import type { Json } from '@countersign/kernel';
import type { Scope } from '@countersign/market';
import { described, type Gate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { type Candidates, listResponse } from '../resources/list.ts';
import type { Caller } from '../resources/resource-operations.ts';
import { groupShape, userShape } from '../schema/resource-shape.ts';
import { mediaType } from './answers.ts';
import { readListQuery, readSearchRequest } from './list-query.ts';
import { listBody, listQuery, refused, searchBody } from './schemas.ts';

export type Listing = (
  institution: string,
  shape: Candidates['shape'],
  filter: string | undefined,
) => Promise<Candidates>;

const found = { description: 'One page', body: listBody, mediaType };

/** Queries (RFC 7644 sections 3.4.2 and 3.4.3). Changes between two pages may be visible. */
export function searchRoutes(scim: FastifyInstance, list: Listing, gate: Gate<Caller, Scope>): void {
  for (const shape of [userShape, groupShape]) {
    scim.get(
      shape.endpoint,
      {
        ...described({
          tag: 'scim',
          summary: `List ${shape.name}s`,
          description: "Those of the caller's institution.",
          scopes: ['identity:read'],
          querystring: listQuery,
          answers: { 200: found, 400: refused },
        }),
        ...gate.needs('identity:read'),
      },
      async (request, reply) => {
        const query = readListQuery(request.query);
        const { institution } = gate.callerOf(request);
        return reply.type(mediaType).send(listResponse([await list(institution, shape, query.filter)], query));
      },
    );
  }
  const searches = [
    { url: '/.search', shapes: [userShape, groupShape], what: 'Users and Groups' },
    ...[userShape, groupShape].map((shape) => ({
      url: `${shape.endpoint}/.search`,
      shapes: [shape],
      what: `${shape.name}s`,
    })),
  ];
  for (const { url, shapes, what } of searches) {
    scim.post<{ Body: Json | undefined }>(
      url,
      {
        ...described({
          tag: 'scim',
          summary: `Search ${what}`,
          scopes: ['identity:read'],
          body: searchBody,
          answers: { 200: found, 400: refused },
        }),
        ...gate.needs('identity:read'),
      },
      async (request, reply) => {
        const query = readSearchRequest(request.body);
        const { institution } = gate.callerOf(request);
        const candidates = await Promise.all(shapes.map((shape) => list(institution, shape, query.filter)));
        return reply.type(mediaType).send(listResponse(candidates, query));
      },
    );
  }
}
