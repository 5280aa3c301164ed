import type { Random } from '@countersign/kernel';
import { parseForm } from '@countersign/oauth';
import {
  type CookieScope,
  type Logger,
  readForm,
  requireSameOriginPost,
  sendErrorPage,
  sendPage,
} from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { asPageError, browserCookie, queryOf, redirectFormToGet, type Visit } from '../browser.ts';
import type { Logout, LogoutStep } from './logout.ts';
import { loggedOutPage, logoutQuestionPage, stillSignedInPage } from './pages.ts';

export interface LogoutRoutes {
  readonly logout: Logout;
  readonly issuer: string;
  readonly random: Random;
  readonly logger: Logger;
}

/** `GET` and `POST /logout`, and the form of the confirmation page, under the path of the issuer. */
export function logoutRoutes(app: FastifyInstance, { logout, issuer, random, logger }: LogoutRoutes): void {
  const { origin, pathname, protocol } = new URL(issuer);
  const base = pathname === '/' ? '' : pathname;
  const scope: CookieScope = { secure: protocol === 'https:' };
  const cookie = browserCookie(scope, random);

  type Handler = (request: FastifyRequest, visit: Visit) => Promise<LogoutStep>;
  const step = (handler: Handler) => async (request: FastifyRequest, reply: FastifyReply) => {
    try {
      const browser = cookie.read(request);
      const next = await handler(request, { browser, cookie: request.headers.cookie, address: request.ip });
      cookie.keep(browser, reply);
      return send(next, reply);
    } catch (error) {
      return sendErrorPage(asPageError(error), request, reply, { logger, secure: scope.secure });
    }
  };

  function send(next: LogoutStep, reply: FastifyReply): FastifyReply {
    if (next.kind === 'question')
      return sendPage(reply, 200, logoutQuestionPage(next, `${base}/logout/decision`), {
        ...scope,
        formAction: next.postLogoutRedirectUri === undefined ? [] : [next.postLogoutRedirectUri],
      });
    if (next.kind === 'kept') return sendPage(reply, 200, stillSignedInPage(next), scope);
    if (next.location === undefined) return sendPage(reply, 200, loggedOutPage(), scope);
    return reply.header('referrer-policy', 'no-referrer').redirect(next.location, 303);
  }

  app.get(
    `${base}/logout`,
    { exposeHeadRoute: false },
    step(async (request, visit) => logout.request(parseForm(queryOf(request)), visit)),
  );
  redirectFormToGet(app, `${base}/logout`, { maxLength: 12_288, logger, ...scope });
  app.post(
    `${base}/logout/decision`,
    step(async (request, visit) => {
      requireSameOriginPost(request, origin);
      return logout.decide(readForm(request.body), visit);
    }),
  );
}
