import type { CodedError } from '@countersign/kernel';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { asOAuthError, plainText, reasonOf } from './refusal.ts';

/** `registered`: only the members that CIBA Core section 13 registers; its certification tests reject others. */
export type ErrorMembers = 'registered' | 'extended';

/**
 * Sends an OAuth error response (RFC 6749 section 5.2) to a client. `countersign-reason` names the rule that refused, and
 * `countersign-txn` a transaction that awaits approval or step-up; the body repeats both where its specification permits.
 *
 * @throws other errors, which the server's error handler logs
 */
export function sendOAuthError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  members: ErrorMembers = 'extended',
): FastifyReply {
  const refusal = asOAuthError(error);
  if (refusal === undefined) throw error;
  const status = statusOf(refusal);
  // RFC 6749 section 5.2.
  if (status === 401 && request.headers.authorization !== undefined)
    reply.header(
      'www-authenticate',
      'Basic realm="not accepted: clients authenticate by private_key_jwt or mutual TLS"',
    );
  const retryAfter = retryAfterSeconds[status];
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  // RFC 6749 section 5.1.
  reply.header('cache-control', 'no-store');
  const explained = { reason: reasonOf(refusal), ...transactionOf(refusal) };
  for (const [name, value] of Object.entries(explained)) reply.header(`countersign-${name}`, plainText(value));
  return reply.status(status).send({
    error: refusal.code,
    error_description: plainText(refusal.detail),
    ...(members === 'extended' ? explained : {}),
  });
}

/** The transaction that awaits approval. */
function transactionOf({ facts }: CodedError): { readonly txn?: string } {
  const txn = facts?.['txn'];
  return typeof txn === 'string' ? { txn } : {};
}

export const retryAfterSeconds: Readonly<Partial<Record<number, string>>> = { 429: '60', 503: '1' };

/** RFC 6749 section 5.2, RFC 9126 section 2.3. */
function statusOf(refusal: CodedError): number {
  if (refusal.code === 'invalid_client') return 401;
  if (refusal.code === 'too_many_requests') return 429;
  if (refusal.category === 'unavailable') return 503;
  return statusOfReason[reasonOf(refusal)] ?? 400;
}

const statusOfReason: Readonly<Partial<Record<string, number>>> = {
  form_too_large: 413,
  body_too_large: 413,
  method_not_allowed: 405,
};
