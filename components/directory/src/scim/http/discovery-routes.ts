import { described } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { listResponse, unpaged } from '../resources/list.ts';
import { notFound } from '../resources/preconditions.ts';
import type { ScimResource } from '../resources/users.ts';
import { resourceTypes, schemas, serviceProviderConfig } from '../schema/discovery.ts';
import { scimErrors } from '../schema/errors.ts';
import { mediaType } from './answers.ts';
import { idParams, listBody, refused, resourceBody } from './schemas.ts';

/** The discovery endpoints (RFC 7644 section 4). They contain no personal data and are public. */
export function discoveryRoutes(scim: FastifyInstance, base: string): void {
  const lists = { ResourceTypes: resourceTypes(base), Schemas: schemas(base) } as const;
  const config = serviceProviderConfig(base);

  scim.get(
    '/ServiceProviderConfig',
    described({
      tag: 'scim',
      summary: 'Read what the SCIM interface supports',
      answers: { 200: { description: 'RFC 7643 section 5', body: resourceBody, mediaType } },
    }),
    async (request, reply) => {
      refuseFilter(request.query);
      return reply.type(mediaType).send(config);
    },
  );

  for (const [name, documents] of Object.entries(lists)) {
    scim.get(
      `/${name}`,
      described({
        tag: 'scim',
        summary: name === 'Schemas' ? 'List the schemas of SCIM resources' : 'List the types of SCIM resources',
        answers: { 200: { description: 'All of them', body: listBody, mediaType } },
      }),
      async (request, reply) => {
        refuseFilter(request.query);
        return reply.type(mediaType).send({ ...listResponse([], unpaged), ...listOfDocuments(documents) });
      },
    );
    scim.get<{ Params: { readonly id: string } }>(
      `/${name}/:id`,
      described({
        tag: 'scim',
        summary: name === 'Schemas' ? 'Read a schema of SCIM resources' : 'Read a type of SCIM resources',
        params: idParams,
        answers: { 200: { description: 'It', body: resourceBody, mediaType }, 404: refused },
      }),
      async (request, reply) => {
        const found = documents.find(({ id }) => id === request.params.id);
        if (found === undefined) throw notFound();
        return reply.type(mediaType).send(found);
      },
    );
  }
}

function listOfDocuments(documents: readonly ScimResource[]): ScimResource {
  return { totalResults: documents.length, itemsPerPage: documents.length, Resources: documents };
}

function refuseFilter(query: unknown): void {
  if (typeof query === 'object' && query !== null && 'filter' in query)
    throw scimErrors.error('scim_filter_refused', 'The discovery endpoints do not support filters.');
}
