import { CodedError, isCodedError } from '@countersign/kernel';
import type { FastifyRequest } from 'fastify';

/** The query of a request, undecoded: whoever reads it decides about doubled parameters. */
export function queryOf(request: FastifyRequest): string {
  const start = request.url.indexOf('?');
  return start === -1 ? '' : request.url.slice(start + 1);
}

/** A page says the reason, which is what somebody who helps can look up; the OAuth code says less. */
export function asPageError(error: unknown): unknown {
  if (!isCodedError(error)) return error;
  const reason = error.facts?.['reason'];
  if (typeof reason !== 'string') return error;
  const category = reason === 'form_forged' ? 'forbidden' : error.category;
  return new CodedError({ code: reason, category, detail: error.detail, cause: error });
}
