import { CodedError, isCodedError, type Random } from '@countersign/kernel';
import { parseForm } from '@countersign/oauth';
import {
  type CookieScope,
  cookieName,
  type Logger,
  readCookie,
  sendErrorPage,
  sessionCookie,
} from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/**
 * 256 random bits in a browser's cookie. Interaction values are derived from it, so a caller without the cookie cannot continue or
 * decide an interaction, or learn its code.
 */
export type BrowserSecret = string;

export interface Visit {
  /** A new secret if the browser had none. */
  readonly browser: BrowserSecret;
  /** The header as received; the authentication component reads the signed-in person from it. */
  readonly cookie: string | undefined;
  readonly address: string;
}

export function newBrowserSecret(random: Random): BrowserSecret {
  return Buffer.from(random.bytes(32)).toString('base64url');
}

export function parseBrowserSecret(value: string | undefined): BrowserSecret | undefined {
  return value !== undefined && /^[\w-]{43}$/.test(value) ? value : undefined;
}

const name = 'interaction';
/** Longer than any single interaction of a person. */
const lifetimeSeconds = 3_600;

/** Recognises a browser, whether or not anyone is signed in. */
export function browserCookie(scope: CookieScope, random: Random) {
  return {
    read(request: FastifyRequest): BrowserSecret {
      const known = parseBrowserSecret(readCookie(request.headers.cookie, cookieName(name, scope)));
      return known ?? newBrowserSecret(random);
    },
    /** Set again on each response. */
    keep(browser: BrowserSecret, reply: FastifyReply): void {
      reply.header('set-cookie', sessionCookie(name, browser, { ...scope, maxAgeSeconds: lifetimeSeconds }));
    },
  };
}

/** Handles a browser's requests: keeps its cookie and shows errors as pages. @param send sends the outcome of a handler */
export function browserSteps<Next>(
  { scope, random, logger }: { readonly scope: CookieScope; readonly random: Random; readonly logger: Logger },
  send: (next: Next, request: FastifyRequest, reply: FastifyReply) => FastifyReply,
) {
  const cookie = browserCookie(scope, random);
  return <Request extends FastifyRequest>(handler: (request: Request, visit: Visit) => Promise<Next>) =>
    async (request: Request, reply: FastifyReply): Promise<FastifyReply> => {
      try {
        const browser = cookie.read(request);
        const next = await handler(request, { browser, cookie: request.headers.cookie, address: request.ip });
        cookie.keep(browser, reply);
        return send(next, request, reply);
      } catch (error) {
        return sendErrorPage(asPageError(error), request, reply, { logger, secure: scope.secure });
      }
    };
}

export function queryOf(request: FastifyRequest): string {
  const start = request.url.indexOf('?');
  return start === -1 ? '' : request.url.slice(start + 1);
}

/** Pages show the reason, which is more specific than the OAuth error code. */
export function asPageError(error: unknown): unknown {
  if (!isCodedError(error)) return error;
  const reason = error.facts?.['reason'];
  if (typeof reason !== 'string') return error;
  const category = reason === 'csrf_token_invalid' ? 'forbidden' : error.category;
  return new CodedError({ code: reason, category, detail: error.detail, cause: error });
}

/** Redirects a form to GET with the same parameters: a cross-site form sends no cookies (SameSite), the redirect does. @param options.maxLength characters */
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

/** Keeps an existing query (RFC 6749 section 3.1.2). */
export function withParameters(uri: string, parameters: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(parameters).toString();
  if (query === '') return uri;
  const separator = uri.includes('?') ? (/[?&]$/.test(uri) ? '' : '&') : '?';
  return uri + separator + query;
}
