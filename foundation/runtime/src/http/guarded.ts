import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ClientCertificate, presentedCertificateOf } from './client-certificate.ts';

/** What a token check needs of a request; the shape of `GuardedRequest` in the contracts. */
export interface AccessRequest {
  readonly method: string;
  readonly url: string;
  readonly authorization: readonly string[];
  readonly dpop: readonly string[];
  /** For tokens that are bound to a certificate (RFC 8705 section 3). */
  readonly certificate?: ClientCertificate;
}

/**
 * Reads a request for a token check.
 *
 * Node joins or drops doubled headers, which would hide an ambiguity from the check, so the raw list is read.
 * The URL is our configured base and the path as received: a Host header is an attacker's to choose, and a
 * proof's `htu` must be compared with who we are, not with who we were called.
 */
export function accessRequestOf(request: FastifyRequest, baseUrl: string): AccessRequest {
  const raw = request.raw.rawHeaders;
  const authorization: string[] = [];
  const dpop: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index];
    const value = raw[index + 1];
    if (name === undefined || value === undefined) continue;
    // Lengths first: lower-casing every header of every request is what this loop would otherwise do.
    if (name.length === 13 && name.toLowerCase() === 'authorization') authorization.push(value);
    else if (name.length === 4 && name.toLowerCase() === 'dpop') dpop.push(value);
  }
  const certificate = presentedCertificateOf(request);
  return {
    method: request.method,
    url: baseUrl + request.url,
    authorization,
    dpop,
    ...(certificate === undefined ? {} : { certificate }),
  };
}

/** Wraps a handler so that it runs only with a checked caller in its hands. */
export function withCaller<Caller, Request extends FastifyRequest = FastifyRequest>(
  check: (request: AccessRequest) => Promise<Caller>,
  baseUrl: string,
  handler: (request: Request, reply: FastifyReply, caller: Caller) => Promise<unknown>,
): (request: Request, reply: FastifyReply) => Promise<unknown> {
  return async (request, reply) => handler(request, reply, await check(accessRequestOf(request, baseUrl)));
}
