import { accessErrors, oauthErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { asCodedError } from '@countersign/runtime';
import type { FastifyReply } from 'fastify';
import { retryAfterSeconds } from '../oauth-answer.ts';
import { asOAuthError, plainText, reasonOf } from '../refusal.ts';
import { problemsOf } from './record.ts';

/** RFC 7591 section 3.2.2; for the registration access token RFC 6750 section 3. @throws any other error */
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
    error_description: plainText(refusal.detail),
    reason: reasonOf(refusal),
    ...(problems.length === 0 ? {} : { problems }),
  });
}

function sendTokenError({ code, detail }: CodedError, reply: FastifyReply): FastifyReply {
  // RFC 6750 section 3.1.
  const challenge = code === 'token_missing' ? 'Bearer' : 'Bearer error="invalid_token"';
  return reply
    .status(401)
    .header('www-authenticate', challenge)
    .send({ error: 'invalid_token', error_description: plainText(detail), reason: code });
}

/** Errors of the HTTP server (size, content type, invalid JSON) count as invalid metadata. */
function asRefusal(error: CodedError): CodedError {
  if (error.category === 'invalid' || error.category === 'too-large')
    return oauthErrors.error('invalid_client_metadata', error.detail, { facts: { reason: error.code } });
  return asOAuthError(error) ?? error;
}

function statusOf(refusal: CodedError): number {
  if (refusal.category === 'unavailable') return 503;
  if (refusal.code === 'too_many_requests') return 429;
  if (refusal.code === 'access_denied') return 403;
  return reasonOf(refusal) === 'body_too_large' ? 413 : 400;
}
