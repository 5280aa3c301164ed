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
 * One browser, recognised by a secret of 256 random bits in its cookie. What an interaction needs is derived from it:
 * nobody without the cookie can go on with an interaction, decide on it, or know its code.
 */
export type BrowserSecret = string;

/** Where a browser's request came from. */
export interface Visit {
  /** The secret in the browser's cookie, or a new one. */
  readonly browser: BrowserSecret;
  /** The `Cookie` header as received, from which the authentication component reads who is signed in. */
  readonly cookie: string | undefined;
  readonly address: string;
}

export function newBrowserSecret(random: Random): BrowserSecret {
  return Buffer.from(random.bytes(32)).toString('base64url');
}

/** @returns the secret, if a cookie's value can be one */
export function parseBrowserSecret(value: string | undefined): BrowserSecret | undefined {
  return value !== undefined && /^[\w-]{43}$/.test(value) ? value : undefined;
}

const name = 'interaction';
/** Longer than anything a person does in one go. */
const lifetimeSeconds = 3_600;

/** The cookie by which a browser is known from one page of ours to the next, whoever is signed in. */
export function browserCookie(scope: CookieScope, random: Random) {
  return {
    read(request: FastifyRequest): BrowserSecret {
      const known = parseBrowserSecret(readCookie(request.headers.cookie, cookieName(name, scope)));
      return known ?? newBrowserSecret(random);
    },
    /** Set anew with each answer: it lasts for as long as the person is on the way. */
    keep(browser: BrowserSecret, reply: FastifyReply): void {
      reply.header('set-cookie', sessionCookie(name, browser, { ...scope, maxAgeSeconds: lifetimeSeconds }));
    },
  };
}

/** The query of a request, undecoded: whoever reads it decides about doubled parameters. */
export function queryOf(request: FastifyRequest): string {
  const start = request.url.indexOf('?');
  return start === -1 ? '' : request.url.slice(start + 1);
}

/** A page says the reason, which is what somebody who helps can look up; the OAuth code says less. */
export function asPageError(error: unknown): unknown {
  if (!isCodedError(error)) return error;
  const reason = error.facts?.['reason'];
  if (typeof reason !== 'string') return error;
  const category = reason === 'form_forged' ? 'forbidden' : error.category;
  return new CodedError({ code: reason, category, detail: error.detail, cause: error });
}

/**
 * Takes a form at `path` and has the browser come again by GET with the same parameters: a form of another site brings
 * no cookies along (SameSite), the redirect that follows it does.
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

/** Appended to what was registered, letter for letter: a query of its own stays (RFC 6749 section 3.1.2). */
export function withParameters(uri: string, parameters: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(parameters).toString();
  if (query === '') return uri;
  const separator = uri.includes('?') ? (/[?&]$/.test(uri) ? '' : '&') : '?';
  return uri + separator + query;
}
