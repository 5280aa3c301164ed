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
 * One browser, recognised by a secret of 256 random bits in its cookie. Interaction values are derived from that secret, so
 * a caller without the cookie cannot continue or decide an interaction, or learn its code.
 */
export type BrowserSecret = string;

/** The browser that sent a request. */
export interface Visit {
  /** The secret in the browser's cookie, or a new one if there is none. */
  readonly browser: BrowserSecret;
  /** The `Cookie` header as received. The authentication component reads the signed-in person from it. */
  readonly cookie: string | undefined;
  readonly address: string;
}

export function newBrowserSecret(random: Random): BrowserSecret {
  return Buffer.from(random.bytes(32)).toString('base64url');
}

/** @returns the secret if the cookie value is well-formed */
export function parseBrowserSecret(value: string | undefined): BrowserSecret | undefined {
  return value !== undefined && /^[\w-]{43}$/.test(value) ? value : undefined;
}

const name = 'interaction';
/** Longer than any single interaction of a person. */
const lifetimeSeconds = 3_600;

/** The cookie that recognises a browser from one page to the next, independent of the signed-in person. */
export function browserCookie(scope: CookieScope, random: Random) {
  return {
    read(request: FastifyRequest): BrowserSecret {
      const known = parseBrowserSecret(readCookie(request.headers.cookie, cookieName(name, scope)));
      return known ?? newBrowserSecret(random);
    },
    /** Set again on each response, so that it lasts as long as the interaction. */
    keep(browser: BrowserSecret, reply: FastifyReply): void {
      reply.header('set-cookie', sessionCookie(name, browser, { ...scope, maxAgeSeconds: lifetimeSeconds }));
    },
  };
}

/** The undecoded query of a request. The parser that reads it decides how to treat duplicate parameters. */
export function queryOf(request: FastifyRequest): string {
  const start = request.url.indexOf('?');
  return start === -1 ? '' : request.url.slice(start + 1);
}

/** The page shows the reason, which support staff can look up; the OAuth error code is less specific. */
export function asPageError(error: unknown): unknown {
  if (!isCodedError(error)) return error;
  const reason = error.facts?.['reason'];
  if (typeof reason !== 'string') return error;
  const category = reason === 'csrf_token_invalid' ? 'forbidden' : error.category;
  return new CodedError({ code: reason, category, detail: error.detail, cause: error });
}

/**
 * Accepts a form at `path` and redirects the browser to the same path by GET with the same parameters. A cross-site form
 * sends no cookies (SameSite), but the redirect that follows does.
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

/** Appended to the registered URI without changing it: an existing query is kept (RFC 6749 section 3.1.2). */
export function withParameters(uri: string, parameters: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(parameters).toString();
  if (query === '') return uri;
  const separator = uri.includes('?') ? (/[?&]$/.test(uri) ? '' : '&') : '?';
  return uri + separator + query;
}
