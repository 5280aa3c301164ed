import { PassThrough } from 'node:stream';
import type { ApplyProgress } from '@countersign/contracts';
import { asCodedError, type Problem, problemOf } from '@countersign/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';

const mediaType = 'application/x-ndjson';
/** Progress is for people; more lines a second would cost more than the work itself. */
const everyMs = 200;

/**
 * As one JSON document, or as lines of progress and a last line with `result` or `problem` (RFC 9457). The status code
 * is sent with the first line and does not show the outcome.
 */
export async function answerWithProgress(
  request: FastifyRequest,
  reply: FastifyReply,
  work: (onProgress?: ApplyProgress) => Promise<unknown>,
): Promise<unknown> {
  if (!(request.headers.accept ?? '').includes(mediaType)) return work();
  const lines = new PassThrough();
  const write = (line: unknown): void => {
    // A disconnected client does not stop the work: the change is made whole or not at all.
    if (!lines.destroyed) lines.write(`${JSON.stringify(line)}\n`);
  };
  let last = Number.NEGATIVE_INFINITY;
  let lastStep: string | undefined;
  const onProgress: ApplyProgress = (step) => {
    const now = performance.now();
    if (step.step === lastStep && step.done < step.of && now - last < everyMs) return;
    last = now;
    lastStep = step.step;
    write({ progress: step });
  };
  const run = async (): Promise<void> => {
    try {
      write({ result: await work(onProgress) });
    } catch (error) {
      write({ problem: problemFrom(error, request) });
    }
    lines.end();
  };
  void run();
  reply.type(mediaType);
  return lines;
}

function problemFrom(error: unknown, request: FastifyRequest): Problem {
  const coded = asCodedError(error);
  if (coded !== undefined) return problemOf(coded);
  request.log.error({ error }, 'the processing of a directory file failed');
  return {
    type: 'urn:countersign:error:internal_error',
    title: 'internal error',
    status: 500,
    code: 'internal_error',
    detail: 'The request could not be completed because of a fault on our side.',
  };
}
