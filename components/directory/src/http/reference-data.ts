import { directoryErrors, type ReferenceData, type Requester } from '@countersign/contracts';
import type { Scope } from '@countersign/market';
import { described, type Gate } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import { Compile } from 'typebox/compile';
import type { DirectoryComponent } from '../directory.ts';
import {
  changed,
  changeRequest,
  instrumentsBody,
  instrumentsEnvelope,
  judgedByDirectory,
  noQuery,
  ratesBody,
  ratesEnvelope,
} from './schemas.ts';

const bodyLimitBytes = 1024 * 1024;
const instruments = Compile(instrumentsEnvelope);
const rates = Compile(ratesEnvelope);

export function referenceDataRoutes(
  app: FastifyInstance,
  directory: DirectoryComponent,
  gate: Gate<Required<Requester>, Scope>,
): void {
  const answers = {
    200: { description: 'What has changed', body: changed },
    202: { description: 'The change that awaits a second person', body: changeRequest },
  };
  const described200 = { tag: 'directory', scopes: ['reference:record'], querystring: noQuery, answers } as const;

  async function record(
    request: FastifyRequest,
    reply: FastifyReply,
    { reason, ...data }: Partial<ReferenceData> & { readonly reason: string },
  ): Promise<unknown> {
    const answer = await directory.recordReferenceData(data, gate.callerOf(request), reason);
    return 'proposed' in answer ? reply.status(202).send(answer.proposed) : answer;
  }

  app.post(
    '/directory/instruments',
    {
      bodyLimit: bodyLimitBytes,
      ...described({
        ...described200,
        summary: 'Record instruments',
        description:
          'By software of the operator that has the role `reference-data`. Each takes the place of the one of its id. A complex ' +
          'instrument that becomes plain, another group of the CFI or currency, a smaller multiplier, a wider target market and ' +
          'more venues wait for a second person (`directory:approve`), with all that was sent; anything else counts at once.',
        body: instrumentsBody,
      }),
      ...judgedByDirectory(noQuery),
      ...gate.needs('reference:record'),
    },
    (request, reply) => record(request, reply, read(instruments, request.body, 'instruments')),
  );

  app.post(
    '/directory/rates',
    {
      bodyLimit: bodyLimitBytes,
      ...described({
        ...described200,
        summary: 'Record exchange rates',
        description:
          'By software of the operator that has the role `reference-data`. What a unit of each currency is worth in the base ' +
          'currency of the installation, from which source and of when. A rate that is more than a tenth below the ' +
          'highest since a second person last agreed to a lower one, or the first one of a currency, waits for a second person (`directory:approve`), with all that was sent; anything ' +
          'else counts at once.',
        body: ratesBody,
      }),
      ...judgedByDirectory(noQuery),
      ...gate.needs('reference:record'),
    },
    (request, reply) => record(request, reply, read(rates, request.body, 'rates')),
  );
}

function read<Body extends typeof instrumentsEnvelope | typeof ratesEnvelope>(
  envelope: { Check(body: unknown): body is Static<Body> },
  body: unknown,
  list: string,
): Static<Body> {
  if (envelope.Check(body)) return body;
  throw directoryErrors.error('directory_file_invalid', `The body names a reason, and 1 to 1,000 ${list}.`);
}
