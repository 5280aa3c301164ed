import { defined } from '@countersign/kernel';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ClientCertificate, presentedCertificateOf } from './client-certificate.ts';
import { zoneOf } from './zone.ts';

/** The request data for a token check; same shape as `GuardedRequest` in the contracts. */
export interface AccessRequest {
  readonly method: string;
  readonly url: string;
  readonly authorization: readonly string[];
  readonly dpop: readonly string[];
  /** For certificate-bound tokens (RFC 8705 section 3). */
  readonly certificate?: ClientCertificate;
  /** Source address as our listener saw it. */
  readonly address: string;
  readonly zone?: string;
}

/**
 * Reads the data for a token check from a request.
 * It reads the raw headers, because Node joins or drops repeated ones and so hides an ambiguity from the check. The URL consists
 * of our configured base and the received path: an attacker can choose the Host header, and a proof's `htu` must match our own
 * address.
 */
export function accessRequestOf(request: FastifyRequest, baseUrl: string): AccessRequest {
  const raw = request.raw.rawHeaders;
  const authorization: string[] = [];
  const dpop: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index];
    const value = raw[index + 1];
    if (name === undefined || value === undefined) continue;
    // Compare lengths first, to avoid lower-casing every header of every request.
    if (name.length === 13 && name.toLowerCase() === 'authorization') authorization.push(value);
    else if (name.length === 4 && name.toLowerCase() === 'dpop') dpop.push(value);
  }
  const certificate = presentedCertificateOf(request);
  const zone = zoneOf(request);
  return {
    method: request.method,
    url: baseUrl + request.url,
    authorization,
    dpop,
    ...defined({ certificate }),
    address: request.ip,
    ...defined({ zone }),
  };
}

interface EarlyCheck {
  readonly hook: 'onRequest' | 'preValidation';
  readonly check: (request: FastifyRequest) => Promise<void>;
}
const earlyChecks = new WeakMap<object, EarlyCheck>();

/**
 * Wraps a handler so that it runs only with a verified caller. On a server of `createHttpServer` the caller is checked before
 * anything else: a request without a token is refused without validating its body.
 *
 * @param options.needsBody the check needs the body, which is then parsed first but not validated
 */
export function withCaller<Caller, Request extends FastifyRequest = FastifyRequest>(
  check: (access: AccessRequest, request: Request) => Promise<Caller>,
  baseUrl: string,
  handler: (request: Request, reply: FastifyReply, caller: Caller) => Promise<unknown>,
  { needsBody = false }: { readonly needsBody?: boolean } = {},
): (request: Request, reply: FastifyReply) => Promise<unknown> {
  const callers = new WeakMap<FastifyRequest, { readonly caller: Caller }>();
  async function callerOf(request: Request): Promise<Caller> {
    // Check once: a second check would find the proof already used (RFC 9449 section 11.1).
    const known = callers.get(request);
    if (known !== undefined) return known.caller;
    const caller = await check(accessRequestOf(request, baseUrl), request);
    callers.set(request, { caller });
    return caller;
  }
  const guarded = async (request: Request, reply: FastifyReply): Promise<unknown> =>
    handler(request, reply, await callerOf(request));
  earlyChecks.set(guarded, {
    hook: needsBody ? 'preValidation' : 'onRequest',
    // Every request of this server has the member, from the hook above.
    check: async (request) => void (await callerOf(request as Request)),
  });
  return guarded;
}

/** {@link withCaller} for the routes of one interface, each with the scope that its callers need. */
export function withScope<Caller, Scope extends string>(
  guard: { check(access: AccessRequest, need: { readonly scope: Scope }): Promise<Caller> },
  baseUrl: string,
) {
  return <Request extends FastifyRequest>(
    scope: Scope,
    handler: (request: Request, reply: FastifyReply, caller: Caller) => Promise<unknown>,
  ) => withCaller<Caller, Request>((access) => guard.check(access, { scope }), baseUrl, handler);
}

/** Runs the check of every later {@link withCaller} route before anything else. */
export function checkCallersFirst(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    const early = earlyChecks.get(route.handler);
    if (early === undefined) return;
    const { hook, check } = early;
    route[hook] = [check, ...[route[hook] ?? []].flat()];
  });
}
