import type { CodedError } from '@countersign/kernel';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { asOAuthError, reasonOf } from './refusal.ts';

/**
 * The members of an endpoint's error response. CIBA Core section 13 registers `error`, `error_description` and `error_uri`
 * for the backchannel authentication endpoint, and the certification tests reject other members.
 */
export type ErrorMembers = 'registered' | 'extended';

/**
 * Sends an OAuth error response (RFC 6749 section 5.2). The header `countersign-reason` contains the rule that refused. If
 * an approval or a step-up would help, `countersign-txn` contains the transaction. Endpoints whose specification permits
 * more members repeat both in the body, as `reason` and `txn`. Every endpoint for clients, rather than browsers, uses this
 * function.
 *
 * @throws any error that is not a refusal: a fault of ours, which the server's error handler logs and answers without detail
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
  // RFC 6749 section 5.2: a challenge for a client that sent an Authorization header, which this server does not support.
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
  for (const [name, value] of Object.entries(explained)) reply.header(`countersign-${name}`, describe(value));
  return reply.status(status).send({
    error: refusal.code,
    error_description: describe(refusal.detail),
    ...(members === 'extended' ? explained : {}),
  });
}

/** The transaction that awaits approval, under the same name as in a successful response. */
function transactionOf({ facts }: CodedError): { readonly txn?: string } {
  const txn = facts?.['txn'];
  return typeof txn === 'string' ? { txn } : {};
}

const retryAfterSeconds: Readonly<Partial<Record<number, string>>> = { 429: '60', 503: '1' };

/** RFC 6749 section 5.2: 400 for everything except an unknown client; RFC 9126 section 2.3: 405, 413 and 429. */
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

/** The characters that RFC 6749 section 5.2 allows: printable ASCII without quotation mark and backslash. */
function describe(detail: string): string {
  return detail
    .slice(0, 500)
    .replaceAll('"', "'")
    .replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?');
}
