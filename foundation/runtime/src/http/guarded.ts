import { defined } from '@countersign/kernel';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ClientCertificate, presentedCertificateOf } from './client-certificate.ts';
import { zoneOf } from './zone.ts';

/** What a token check needs of a request; the shape of `GuardedRequest` in the contracts. */
export interface AccessRequest {
  readonly method: string;
  readonly url: string;
  readonly authorization: readonly string[];
  readonly dpop: readonly string[];
  /** For tokens that are bound to a certificate (RFC 8705 section 3). */
  readonly certificate?: ClientCertificate;
  /** Source address as our listener saw it. */
  readonly address: string;
  /** Network zone of the listener. */
  readonly zone?: string;
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
 * Wraps a handler so that it runs only with a checked caller in its hands. On a server of `createHttpServer` who asks is
 * checked before anything else of the request is looked at: whoever has no token is told so, and not what is wrong with their body.
 *
 * @param options.needsBody the check looks at the body: it is parsed before, and nothing else of it is judged
 */
export function withCaller<Caller, Request extends FastifyRequest = FastifyRequest>(
  check: (access: AccessRequest, request: Request) => Promise<Caller>,
  baseUrl: string,
  handler: (request: Request, reply: FastifyReply, caller: Caller) => Promise<unknown>,
  { needsBody = false }: { readonly needsBody?: boolean } = {},
): (request: Request, reply: FastifyReply) => Promise<unknown> {
  const callers = new WeakMap<FastifyRequest, { readonly caller: Caller }>();
  async function callerOf(request: Request): Promise<Caller> {
    // Once: a second check would find the proof of the first one used (RFC 9449 section 11.1).
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
    check: async (request) => void (await callerOf(request as Request)),
  });
  return guarded;
}

/** {@link withCaller} for the routes of one interface: each names the scope that its callers need. */
export function withScope<Caller, Scope extends string>(
  guard: { check(access: AccessRequest, need: { readonly scope: Scope }): Promise<Caller> },
  baseUrl: string,
) {
  return <Request extends FastifyRequest>(
    scope: Scope,
    handler: (request: Request, reply: FastifyReply, caller: Caller) => Promise<unknown>,
  ) => withCaller<Caller, Request>((access) => guard.check(access, { scope }), baseUrl, handler);
}

/** Has the check of every {@link withCaller} that is routed from now on made first. */
export function checkCallersFirst(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    const early = earlyChecks.get(route.handler);
    if (early === undefined) return;
    const { hook, check } = early;
    route[hook] = [check, ...[route[hook] ?? []].flat()];
  });
}
