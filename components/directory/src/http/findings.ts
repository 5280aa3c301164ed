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
        summary: 'Record findings of compliance',
        description:
          "By the operator's compliance: software with the scope, or a person who also has the role `compliance`. An unchanged or " +
          'worse finding takes effect at once; a better one needs a second person ' +
          '(`directory:approve`), together with the whole request.',
        scopes: ['compliance:record'],
        body: findingsBody,
        answers: {
          200: { description: 'What has changed', body: changed },
          202: { description: 'The change that awaits a second person', body: changeRequest },
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
