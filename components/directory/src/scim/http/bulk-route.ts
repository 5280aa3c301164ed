import type { Json } from '@countersign/kernel';
import type { Scope } from '@countersign/market';
import { described, type Gate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { readBulk } from '../bulk/read-bulk.ts';
import { type BulkDependencies, runBulk } from '../bulk/run-bulk.ts';
import type { Caller } from '../resources/resource-operations.ts';
import { mediaType } from './answers.ts';
import { bulkAnswer, bulkBody, refused } from './schemas.ts';

const bulkResponseUrn = 'urn:ietf:params:scim:api:messages:2.0:BulkResponse';

export function bulkRoute(scim: FastifyInstance, dependencies: BulkDependencies, gate: Gate<Caller, Scope>): void {
  scim.post<{ Body: Json | undefined }>(
    '/Bulk',
    {
      ...described({
        tag: 'scim',
        summary: 'Make many changes in one request',
        description:
          'Each operation is a separate change, checked and recorded like a single request. A failed one does not undo others.',
        scopes: ['identity:provision'],
        body: bulkBody,
        answers: {
          200: { description: 'What became of each', body: bulkAnswer, mediaType },
          400: refused,
          413: refused,
        },
      }),
      ...gate.needs('identity:provision'),
    },
    async (request, reply) => {
      const results = await runBulk(readBulk(request.body), gate.callerOf(request), dependencies);
      return reply.type(mediaType).send({ schemas: [bulkResponseUrn], Operations: results });
    },
  );
}
