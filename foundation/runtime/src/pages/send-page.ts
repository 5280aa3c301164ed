import type { FastifyReply } from 'fastify';
import type { Html } from './html.ts';

export interface SendPageOptions {
  /**
   * Targets of this page's forms beside our own origin. Browsers also apply `form-action` to the redirect after a POST, so a page
   * whose form ends at a client names that client's redirect URI here; only its origin is used.
   */
  readonly formAction?: readonly string[];
  /** The browser reaches the page by https, possibly through a proxy. Default: whether this socket uses TLS. */
  readonly secure?: boolean;
  /** The page runs the scripts of our own origin that it was rendered with. */
  readonly script?: boolean;
}

/** Sends a page: not stored, not framed, no script unless requested, no requests to other origins, no `Referer`. */
export function sendPage(
  reply: FastifyReply,
  status: number,
  document: Html,
  options: SendPageOptions = {},
): FastifyReply {
  const targets = ["'self'", ...(options.formAction ?? []).map(originOf)];
  if (options.secure ?? reply.request.protocol === 'https')
    reply.header('strict-transport-security', 'max-age=63072000');
  return reply
    .status(status)
    .headers({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': [
        "default-src 'none'",
        ...(options.script === true ? ["script-src 'self'"] : []),
        "style-src 'self'",
        "img-src 'self'",
        `form-action ${[...new Set(targets)].join(' ')}`,
        "frame-ancestors 'none'",
        "base-uri 'none'",
      ].join('; '),
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    })
    .send(document.toString());
}

/** The origin as serialized by the URL parser, so that only scheme, host and port of a registered text reach the header. */
function originOf(target: string): string {
  const url = new URL(target);
  // A custom scheme of an application has no origin; CSP matches it as a scheme-source.
  if (url.origin === 'null') return url.protocol;
  return url.origin;
}
