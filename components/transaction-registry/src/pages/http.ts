import { type Clock, type CodedError, isCodedError, type Random } from '@countersign/kernel';
import {
  type CookieScope,
  chooseTexts,
  cookieName,
  type Logger,
  readCookie,
  readForm,
  requireSameOriginPost,
  sendErrorPage,
  sendPage,
  sessionCookie,
  statusOf,
} from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { de } from '../texts/de.ts';
import { en } from '../texts/en.ts';
import { type ApproverStep, createApproverPages } from './approver-pages.ts';
import { batchDonePage, batchPage } from './batch-page.ts';
import { approvePath, type Drawing, type EvidencePathOf, momentIn } from './drawing.ts';
import { intentPage } from './intent-page.ts';
import { listPage } from './list-page.ts';
import { problemPage } from './problem-page.ts';
import type { ApproverPagesDependencies, ApproverVisit } from './visits.ts';

export interface ApproverPageRoutes extends ApproverPagesDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly issuer: string;
  /** IANA time zone of the times shown; `UTC` by default. */
  readonly timeZone?: string;
  readonly evidencePathOf?: EvidencePathOf | undefined;
}

type Request = FastifyRequest<{ Params: { readonly id?: string } }>;
type Handler = (request: Request, visit: ApproverVisit) => Promise<ApproverStep>;

/** Longer than a person views one page. */
const cookieSeconds = 3_600;

/**
 * The approval pages. Never cached; every redirect is a 303; transactions of other institutions appear as not found.
 */
export function approverPageRoutes(app: FastifyInstance, dependencies: ApproverPageRoutes): void {
  const { directory, random, logger, issuer, timeZone = 'UTC', evidencePathOf } = dependencies;
  const { origin, protocol } = new URL(issuer);
  const scope: CookieScope = { secure: protocol === 'https:' };
  const pages = createApproverPages(dependencies);

  function drawingFor(request: FastifyRequest): Drawing {
    const { lang, texts } = chooseTexts(request, { en, de });
    return {
      ...{ lang, texts, path: approvePath, evidencePathOf },
      moment: momentIn(lang, timeZone),
      directory: directory.snapshot(),
    };
  }

  const step = (handler: Handler) => async (request: Request, reply: FastifyReply) => {
    const drawing = drawingFor(request);
    try {
      const browser = browserOf(request);
      const next = await handler(request, {
        browser,
        cookie: request.headers.cookie,
        address: request.ip,
        returned: queryOf(request).get('after') === 'sign-in',
        lang: drawing.lang,
      });
      reply.header('set-cookie', sessionCookie('approver', browser, { ...scope, maxAgeSeconds: cookieSeconds }));
      return send(next, drawing, reply);
    } catch (error) {
      const back =
        request.params.id === undefined ? approvePath : `${approvePath}/${encodeURIComponent(request.params.id)}`;
      return refuse(error, back, drawing, request, reply);
    }
  };

  function browserOf(request: FastifyRequest): string {
    const known = readCookie(request.headers.cookie, cookieName('approver', scope));
    return known !== undefined && /^[\w-]{43}$/.test(known)
      ? known
      : Buffer.from(random.bytes(32)).toString('base64url');
  }

  function send(next: ApproverStep, drawing: Drawing, reply: FastifyReply): FastifyReply {
    switch (next.kind) {
      case 'go':
        return reply.header('referrer-policy', 'no-referrer').redirect(next.location, 303);
      case 'list':
        return sendPage(reply, 200, listPage(next.content, drawing), scope);
      case 'intent':
        return sendPage(reply, next.content.refused?.status ?? 200, intentPage(next.content, drawing), {
          ...scope,
          script: next.content.asked !== undefined,
        });
      case 'batch':
        return sendPage(reply, 200, batchPage(next.content, drawing), {
          ...scope,
          script: next.content.asked !== undefined,
        });
      case 'batch-done':
        return sendPage(reply, 200, batchDonePage(next.approved, drawing), scope);
      case 'changed':
        return sendPage(reply, statusOf(next.fault), problemPage(next.fault, next, drawing), scope);
    }
  }

  function refuse(
    error: unknown,
    back: string,
    drawing: Drawing,
    request: FastifyRequest,
    reply: FastifyReply,
  ): FastifyReply {
    if (!isCodedError(error)) return sendErrorPage(error, request, reply, { logger, ...scope });
    const { code, internal, category } = error;
    logger[category === 'unavailable' ? 'warn' : 'debug']({ code, internal }, 'request answered with an error page');
    if (category === 'unavailable') reply.header('retry-after', '1');
    return sendPage(reply, statusOfPage(error), problemPage(error, { back }, drawing), scope);
  }

  // No HEAD: a link checker must not start a sign-in or request a signature.
  const quiet = { exposeHeadRoute: false };
  app.get(
    approvePath,
    quiet,
    step((_request, visit) => pages.list(visit)),
  );
  app.get(
    `${approvePath}/batch`,
    quiet,
    step((request, visit) => {
      const query = queryOf(request);
      return pages.viewBatch(query.getAll('txn'), query.get('role') ?? undefined, visit);
    }),
  );
  app.post(
    `${approvePath}/batch`,
    step((request, visit) => pages.decideBatch(formOf(request), visit)),
  );
  app.get<{ Params: { readonly id?: string } }>(
    `${approvePath}/:id`,
    quiet,
    step((request, visit) => pages.view(request.params.id ?? '', queryOf(request).get('role') ?? undefined, visit)),
  );
  app.post<{ Params: { readonly id?: string } }>(
    `${approvePath}/:id`,
    step((request, visit) => pages.decide(request.params.id ?? '', formOf(request), visit)),
  );

  function formOf(request: FastifyRequest): ReadonlyMap<string, string> {
    requireSameOriginPost(request, origin);
    return readForm(request.body);
  }
}

/** A 401 would ask the browser for HTTP authentication (RFC 9110 section 15.5.2), so pages answer 403. */
function statusOfPage(error: CodedError): number {
  return error.category === 'unauthenticated' ? 403 : statusOf(error);
}

function queryOf(request: FastifyRequest): URLSearchParams {
  const start = request.url.indexOf('?');
  return new URLSearchParams(start === -1 ? '' : request.url.slice(start + 1));
}
