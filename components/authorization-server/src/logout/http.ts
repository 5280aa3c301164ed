import type { Random } from '@countersign/kernel';
import { parseForm } from '@countersign/oauth';
import { type CookieScope, type Logger, readForm, requireSameOriginPost, sendPage } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { browserSteps, queryOf, redirectFormToGet } from '../browser.ts';
import type { Logout, LogoutStep } from './logout.ts';
import { loggedOutPage, logoutQuestionPage, stillSignedInPage } from './pages.ts';

export interface LogoutRoutes {
  readonly logout: Logout;
  readonly issuer: string;
  readonly random: Random;
  readonly logger: Logger;
}

/** `GET` and `POST /logout`, and the form of the confirmation page. */
export function logoutRoutes(app: FastifyInstance, { logout, issuer, random, logger }: LogoutRoutes): void {
  const { origin, pathname, protocol } = new URL(issuer);
  const base = pathname === '/' ? '' : pathname;
  const scope: CookieScope = { secure: protocol === 'https:' };

  const step = browserSteps({ scope, random, logger }, send);

  function send(next: LogoutStep, _request: FastifyRequest, reply: FastifyReply): FastifyReply {
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
