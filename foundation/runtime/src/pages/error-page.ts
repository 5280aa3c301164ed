import type { FastifyReply, FastifyRequest } from 'fastify';
import { asCodedError, statusOf } from '../http/index.ts';
import type { Logger } from '../observability/index.ts';
import { type Html, html } from './html.ts';
import { page } from './page.ts';
import { type SendPageOptions, sendPage } from './send-page.ts';

export interface ErrorPageContent {
  readonly title: string;
  /** What is wrong, and what the person can do now. */
  readonly detail: string;
  /** Code that the person can give to support. */
  readonly code: string;
  readonly banner?: string | undefined;
  /** Further links or a form beside the link to the start page. */
  readonly next?: Html | undefined;
}

/** A page that explains an error and what the person can do. */
export function errorPage({ title, detail, code, banner, next }: ErrorPageContent): Html {
  return page({
    title,
    banner,
    body: html`<section class="panel problem" aria-labelledby="title">
<h1 id="title">${title}</h1>
<p class="lead">${detail}</p>
<p class="code">If you ask for help, say this code: <code>${code}</code></p>
${next}
<p class="back"><a href="/">Go to the start page</a></p>
</section>`,
  });
}

/**
 * Answers a browser with an error page: a coded error with its public detail, our own bug without any. The status is that of the
 * error's category, except 403 for `unauthenticated`: 401 requires an HTTP authentication challenge (RFC 9110 section 15.5.2),
 * which pages do not use.
 */
export function sendErrorPage(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  {
    logger,
    banner,
    next,
    ...options
  }: SendPageOptions & { readonly logger: Logger; readonly banner?: string | undefined } & Pick<
      ErrorPageContent,
      'next'
    >,
): FastifyReply {
  const coded = asCodedError(error);
  const route = { method: request.method, route: request.routeOptions.url };
  if (coded === undefined) {
    logger.error({ error, ...route }, 'request failed by a fault of ours');
    const detail = 'Something failed on our side, and nothing was done. Please try again later.';
    return sendPage(
      reply,
      500,
      errorPage({ title: 'Something went wrong', detail, code: 'internal_error', banner }),
      options,
    );
  }
  const { code, detail, category, internal } = coded;
  const unavailable = category === 'unavailable';
  logger[unavailable ? 'warn' : 'debug']({ code, internal, ...route }, 'request answered with an error page');
  if (unavailable) reply.header('retry-after', '1');
  const title = unavailable ? 'Not available right now' : 'This cannot continue';
  const status = category === 'unauthenticated' ? 403 : statusOf(coded);
  return sendPage(reply, status, errorPage({ title, detail, code, banner, next }), options);
}
