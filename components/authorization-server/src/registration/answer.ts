import { accessErrors, oauthErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { asCodedError } from '@countersign/runtime';
import type { FastifyReply } from 'fastify';
import { asOAuthError, reasonOf } from '../refusal.ts';
import { problemsOf } from './record.ts';

/**
 * Answers a refusal as RFC 7591 section 3.2.2 has it, with the rule that refused in `reason` and what is wrong with
 * each member in `problems`; one of the registration access token as RFC 6750 section 3 has it.
 *
 * @throws what is neither: an access token that the guard refused, a fault of ours
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
  // RFC 6750 section 3.1: a request without any authentication gets the challenge and nothing else.
  const challenge = code === 'token_missing' ? 'Bearer' : 'Bearer error="invalid_token"';
  return reply
    .status(401)
    .header('www-authenticate', challenge)
    .send({ error: 'invalid_token', error_description: describe(detail), reason: code });
}

/** What the server itself refuses of a request (its size, its type, JSON that is none) is wrong with the metadata. */
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

/** The characters RFC 6749 section 5.2 allows: printable ASCII without quotation mark and backslash. */
function describe(detail: string): string {
  return detail
    .slice(0, 500)
    .replaceAll('"', "'")
    .replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?');
}
