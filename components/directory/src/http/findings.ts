import type { Requester } from '@countersign/contracts';
import type { Scope } from '@countersign/market';
import { described, type Gate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import type { DirectoryComponent } from '../directory.ts';
import { changed, changeRequest, findingsBody } from './schemas.ts';

/** Only the operator's compliance may record them, never a maintainer of the directory. */
export function findingRoutes(
  app: FastifyInstance,
  directory: DirectoryComponent,
  gate: Gate<Required<Requester>, Scope>,
): void {
  app.post<{ Body: Static<typeof findingsBody> }>(
    '/directory/findings',
    {
      ...described({
        tag: 'directory',
        summary: 'Record what compliance has found',
        description:
          "By the operator's compliance: software with the scope, or a person who has the role `compliance` as well. What is as it " +
          'was or worse counts at once, such as a new screening with the same result; what is better waits for a second person ' +
          '(`directory:approve`), all of it together.',
        scopes: ['compliance:record'],
        body: findingsBody,
        answers: {
          200: { description: 'What has changed', body: changed },
          202: { description: 'What waits for its second person', body: changeRequest },
        },
      }),
      ...gate.needs('compliance:record'),
    },
    async (request, reply) => {
      const { findings, reason } = request.body;
      const answer = await directory.recordFindings(findings, gate.callerOf(request), reason);
      return 'proposed' in answer ? reply.status(202).send(answer.proposed) : answer;
    },
  );
}
