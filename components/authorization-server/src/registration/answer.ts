import { accessErrors, oauthErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { asCodedError } from '@countersign/runtime';
import type { FastifyReply } from 'fastify';
import { asOAuthError, reasonOf } from '../refusal.ts';
import { problemsOf } from './record.ts';

/**
 * Sends a refusal as RFC 7591 section 3.2.2 defines it, with the rule that refused in `reason` and the errors of single
 * members in `problems`. A refusal of the registration access token follows RFC 6750 section 3.
 *
 * @throws any other error: an access token that the guard refused, or a fault of ours
 */
export function sendRegistrationError(
  error: unknown,
  presented: 'access-token' | 'registration-token',
  reply: FastifyReply,
): FastifyReply {
  const coded = asCodedError(error);
  if (coded === undefined) throw error;
  if (Object.hasOwn(accessErrors.codes, coded.code)) {
    if (presented === 'access-token') throw error;
    return sendTokenError(coded, reply);
  }
  const refusal = Object.hasOwn(oauthErrors.codes, coded.code) ? coded : asRefusal(coded);
  const status = statusOf(refusal);
  const retryAfter = retryAfterSeconds[status];
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  const problems = problemsOf(refusal);
  return reply.status(status).send({
    error: refusal.code,
    error_description: describe(refusal.detail),
    reason: reasonOf(refusal),
    ...(problems.length === 0 ? {} : { problems }),
  });
}

function sendTokenError({ code, detail }: CodedError, reply: FastifyReply): FastifyReply {
  // RFC 6750 section 3.1: a request without credentials gets only the challenge.
  const challenge = code === 'token_missing' ? 'Bearer' : 'Bearer error="invalid_token"';
  return reply
    .status(401)
    .header('www-authenticate', challenge)
    .send({ error: 'invalid_token', error_description: describe(detail), reason: code });
}

/** Errors that the HTTP server detects (size, content type, invalid JSON) are reported as invalid metadata. */
function asRefusal(error: CodedError): CodedError {
  if (error.category === 'invalid' || error.category === 'too-large')
    return oauthErrors.error('invalid_client_metadata', error.detail, { facts: { reason: error.code } });
  return asOAuthError(error) ?? error;
}

const retryAfterSeconds: Readonly<Partial<Record<number, string>>> = { 429: '60', 503: '1' };

function statusOf(refusal: CodedError): number {
  if (refusal.category === 'unavailable') return 503;
  if (refusal.code === 'too_many_requests') return 429;
  if (refusal.code === 'access_denied') return 403;
  return reasonOf(refusal) === 'body_too_large' ? 413 : 400;
}

/** The characters that RFC 6749 section 5.2 allows: printable ASCII without quotation mark and backslash. */
function describe(detail: string): string {
  return detail
    .slice(0, 500)
    .replaceAll('"', "'")
    .replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?');
}
