import type { Random } from '@countersign/kernel';
import { type CookieScope, cookieName, readCookie, sessionCookie } from '@countersign/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type BrowserSecret, newBrowserSecret, parseBrowserSecret } from './browser.ts';

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
