import type { Random } from '@countersign/kernel';
import { type CookieScope, type Logger, readForm, requireSameOriginPost, sendPage } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { browserSteps, queryOf } from '../browser.ts';
import { approvalPage, approvalsPage, decidedPage } from './approval-pages.ts';
import {
  type ApprovalStep,
  type Approvals,
  approvalsPath,
  type Returned,
  returnedQuery,
  secondReturnedQuery,
} from './approvals.ts';

export interface BackchannelAuthenticationRoutes {
  readonly approvals: Approvals;
  readonly issuer: string;
  readonly random: Random;
  readonly logger: Logger;
}

/** `GET /approvals`, `GET` and `POST /approvals/{id}`. Every redirect is a 303; another person's request is reported as missing. */
export function backchannelAuthenticationRoutes(
  app: FastifyInstance,
  { approvals, issuer, random, logger }: BackchannelAuthenticationRoutes,
): void {
  const { origin, pathname, protocol } = new URL(issuer);
  const list = (pathname === '/' ? '' : pathname) + approvalsPath;
  const scope: CookieScope = { secure: protocol === 'https:' };

  type ById = FastifyRequest<{ Params: { readonly id: string } }>;
  const step = browserSteps({ scope, random, logger }, send);

  function send(next: ApprovalStep, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    switch (next.kind) {
      case 'sign-in':
        return redirect(reply, next.location);
      case 'list':
        return sendPage(reply, 200, approvalsPage(next, list), scope);
      case 'question':
        return sendPage(reply, 200, approvalPage(next.question, list), {
          ...scope,
          script: next.question.allowing.by === 'signature',
        });
      case 'decided':
        // So that reloading does not send the form again.
        return request.method === 'POST'
          ? redirect(reply, `${list}/${next.id}`)
          : sendPage(reply, 200, decidedPage(next, list), scope);
    }
  }

  // No HEAD: a link checker must not start a sign-in.
  app.get(
    list,
    { exposeHeadRoute: false },
    step((request, visit) => approvals.list(visit, queryOf(request) === returnedQuery)),
  );
  app.get<{ Params: { readonly id: string } }>(
    `${list}/:id`,
    { exposeHeadRoute: false },
    step((request: ById, visit) => approvals.view(request.params.id, visit, returnedOf(request))),
  );
  app.post<{ Params: { readonly id: string } }>(
    `${list}/:id`,
    step(async (request: ById, visit) => {
      requireSameOriginPost(request, origin);
      const fields = readForm(request.body);
      const [csrf, seen, decision] = ['csrf', 'seen', 'decision'].map((name) => fields.get(name));
      const signed = { handle: fields.get('handle'), credential: fields.get('credential') };
      return approvals.decide(request.params.id, { csrf, seen, decision, ...signed }, visit);
    }),
  );
}

function returnedOf(request: FastifyRequest): Returned {
  const query = queryOf(request);
  if (query === secondReturnedQuery) return 'from-second';
  return query === returnedQuery ? 'from-sign-in' : 'no';
}

function redirect(reply: FastifyReply, location: string): FastifyReply {
  return reply.header('referrer-policy', 'no-referrer').redirect(location, 303);
}
