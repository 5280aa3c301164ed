import type { CodedError } from '@countersign/kernel';
import { isCodedError } from '@countersign/kernel';
import type { Logger, Metrics } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Witness } from './witness.ts';

/** Statuses of tlog-witness; other errors use those of their category. */
const statuses: Readonly<Record<string, number>> = {
  checkpoint_malformed: 400,
  old_size_too_large: 400,
  checkpoint_unsigned: 403,
  log_unknown: 404,
  old_size_mismatch: 409,
  consistency_unproven: 422,
  witness_overloaded: 503,
  witness_storage_failed: 503,
};

export interface WitnessRoutes {
  readonly witness: Witness;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** C2SP tlog-witness. Callers need no credentials: the log's signature counts. */
export function witnessRoutes(app: FastifyInstance, { witness, metrics, logger }: WitnessRoutes): void {
  const answers = metrics.counter('countersign_witness_answers_total', 'Answers to add-checkpoint, by what they say', [
    'answer',
  ]);
  // The specification names no media type, so the body is read whatever its type.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  app.post('/add-checkpoint', async (request, reply) => {
    try {
      const signatures = await witness.addCheckpoint(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));
      answers.inc({ answer: 'cosigned' });
      return await reply.type('text/plain; charset=utf-8').send(signatures);
    } catch (error) {
      if (!isCodedError(error)) throw error;
      answers.inc({ answer: error.code });
      if (error.category === 'unavailable') logger.error({ error }, 'a checkpoint could not be cosigned');
      return refuse(reply, error);
    }
  });

  app.get<{ Params: { readonly hash: string } }>('/:hash/checkpoint', async (request, reply) => {
    try {
      return await reply.type('text/plain; charset=utf-8').send(witness.newest(request.params.hash));
    } catch (error) {
      if (isCodedError(error)) return refuse(reply, error);
      throw error;
    }
  });
}

function refuse(reply: FastifyReply, error: CodedError): FastifyReply {
  const status = statuses[error.code];
  if (status === undefined) throw error;
  if (error.code === 'old_size_mismatch')
    return reply
      .status(status)
      .header('content-type', 'text/x.tlog.size')
      .send(`${String(error.facts?.['size'])}\n`);
  return reply.status(status).type('text/plain; charset=utf-8').send(`${error.code}: ${error.detail}\n`);
}
