import type { FastifyReply, FastifyRequest } from 'fastify';
import { asCodedError, statusOf } from '../http/index.ts';
import type { Logger } from '../observability/index.ts';
import { type Html, html } from './html.ts';
import { page } from './page.ts';
import { type SendPageOptions, sendPage } from './send-page.ts';

export interface ErrorPageContent {
  readonly title: string;
  /** What is wrong and what the person can do now. */
  readonly detail: string;
  /** What they read out to whoever helps them. */
  readonly code: string;
  readonly banner?: string | undefined;
  /** A way on beside the start page: links or a form. */
  readonly next?: Html | undefined;
}

/** A page that says no, in words a person can act on. */
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
 * Answers a person's browser with what was thrown: a coded error with its public detail, a bug of ours without any.
 * The status is that of the error's category, but 403 for `unauthenticated`: 401 asks for an HTTP authentication
 * (RFC 9110 section 15.5.2), which a page has no use for.
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
