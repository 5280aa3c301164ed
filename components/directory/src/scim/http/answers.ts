import { membersOf } from '@countersign/kernel';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { namesVersion } from '../resources/preconditions.ts';
import type { ScimResource } from '../resources/users.ts';
import { type Projection, project } from '../schema/projection.ts';
import type { ResourceShape } from '../schema/resource-shape.ts';

export const mediaType = 'application/scim+json';

export function sendResource(
  reply: FastifyReply,
  resource: ScimResource,
  how: { readonly shape: ResourceShape; readonly projection: Projection; readonly status?: 200 | 201 },
): FastifyReply {
  const { version, location } = membersOf(resource['meta']) ?? {};
  if (typeof version !== 'string' || typeof location !== 'string') throw new Error('a resource without meta');
  return reply
    .status(how.status ?? 200)
    .header('etag', version)
    .header('location', location)
    .type(mediaType)
    .send(project(resource, how.shape, how.projection));
}

export function sendUnlessKnown(
  request: FastifyRequest,
  reply: FastifyReply,
  resource: ScimResource,
  how: { readonly shape: ResourceShape; readonly projection: Projection },
): FastifyReply {
  const known = request.headers['if-none-match'];
  const version = membersOf(resource['meta'])?.['version'];
  if (known !== undefined && typeof version === 'string' && namesVersion(known, version))
    return reply.status(304).header('etag', version).send();
  return sendResource(reply, resource, how);
}
