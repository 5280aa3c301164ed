import type { Random } from '@countersign/kernel';
import { parseForm } from '@countersign/oauth';
import { type CookieScope, type Logger, readForm, requireSameOriginPost, sendPage } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { browserSteps, queryOf, redirectFormToGet } from '../browser.ts';
import { type AuthorizationEndpoint, decisionPath, resumePath, type Step } from './authorization-endpoint.ts';
import { consentPage } from './consent-page.ts';

export interface AuthorizationRoutes {
  readonly authorizationEndpoint: AuthorizationEndpoint;
  readonly issuer: string;
  readonly random: Random;
  readonly logger: Logger;
}

/** `/authorize`, the return from the sign-in and the decision. Every redirect is a 303 (FAPI 2.0 Security Profile section 5.3.2.2). */
export function authorizationRoutes(
  app: FastifyInstance,
  { authorizationEndpoint, issuer, random, logger }: AuthorizationRoutes,
): void {
  const { origin, pathname, protocol } = new URL(issuer);
  const base = pathname === '/' ? '' : pathname;
  const scope: CookieScope = { secure: protocol === 'https:' };

  const step = browserSteps({ scope, random, logger }, send);

  function send(next: Step, _request: FastifyRequest, reply: FastifyReply): FastifyReply {
    if (next.kind !== 'consent') return reply.header('referrer-policy', 'no-referrer').redirect(next.location, 303);
    const { question, form } = next;
    const document = consentPage(question, { ...form, action: base + decisionPath });
    const formAction = [question.checked.request.redirectUri];
    return sendPage(reply, 200, document, { secure: scope.secure, formAction });
  }

  // No HEAD: a link checker must not decide anything.
  app.get(
    `${base}/authorize`,
    { exposeHeadRoute: false },
    step(async (request, visit) => authorizationEndpoint.arrive(parseForm(queryOf(request)), visit)),
  );
  // RFC 6749 section 3.1.
  redirectFormToGet(app, `${base}/authorize`, { maxLength: 8_192, logger, ...scope });
  app.get(
    base + resumePath,
    { exposeHeadRoute: false },
    step(async (request, visit) => authorizationEndpoint.resume(parseForm(queryOf(request)).get('interaction'), visit)),
  );
  app.post(
    base + decisionPath,
    step(async (request, visit) => {
      requireSameOriginPost(request, origin);
      const fields = readForm(request.body);
      return authorizationEndpoint.decide(
        { interaction: fields.get('interaction'), csrf: fields.get('csrf'), decision: fields.get('decision') },
        visit,
      );
    }),
  );
}
