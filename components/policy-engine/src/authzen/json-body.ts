import { policyErrors } from '@countersign/contracts';
import { parseJsonBody } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';

/**
 * Within this scope a body is JSON, and JSON alone: any other content type is refused. So is what different readers
 * read differently (AuthZEN 1.0 section 11.5): bytes that are not UTF-8, the same member twice in one object. Nesting is
 * bounded.
 */
export function takeStrictJson(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    const read = parseJsonBody(body);
    if (read.ok) done(null, read.value);
    else done(policyErrors.error('evaluation_invalid', `The body cannot be taken: ${read.problem}.`));
  });
}
