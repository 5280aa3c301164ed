import { CodedError, isCodedError } from '@countersign/kernel';
import { parseForm } from '@countersign/oauth';
import { type CookieScope, type Logger, sendErrorPage } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';

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

/**
 * Takes a form at `path` and has the browser come again by GET with the same parameters: a form of another site brings
 * no cookies along (SameSite), the redirect that follows it does.
 *
 * @param options.maxLength of the form, in characters
 */
export function redirectFormToGet(
  app: FastifyInstance,
  path: string,
  { maxLength, logger, secure }: CookieScope & { readonly maxLength: number; readonly logger: Logger },
): void {
  app.post(path, async (request, reply) => {
    try {
      const parameters = parseForm(typeof request.body === 'string' ? request.body : '', { maxLength });
      const query = new URLSearchParams([...parameters]).toString();
      return reply.header('referrer-policy', 'no-referrer').redirect(`${path}?${query}`, 303);
    } catch (error) {
      return sendErrorPage(asPageError(error), request, reply, { logger, secure });
    }
  });
}
