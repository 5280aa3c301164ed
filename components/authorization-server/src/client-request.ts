import type { ClientRequest } from '@countersign/contracts';
import { accessRequestOf } from '@countersign/runtime';
import type { FastifyRequest } from 'fastify';
import { refuse } from './refusal.ts';

/**
 * A client's form request as its endpoint takes it.
 *
 * @param base of the listener that it came to, never of a Host header: what a DPoP proof is compared with
 * @throws CodedError `invalid_request` for a body that is no form
 */
export function clientRequestOf(request: FastifyRequest, base: string): ClientRequest {
  const { body } = request;
  if (
    typeof body !== 'string' ||
    !/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(request.headers['content-type'] ?? '')
  )
    throw refuse('media_type_unsupported', 'The body must be application/x-www-form-urlencoded.');
  const { accept } = request.headers;
  return {
    ...accessRequestOf(request, new URL(base).origin),
    method: 'POST',
    body,
    ...(accept === undefined ? {} : { accept }),
  };
}
