import type { FastifyReply } from 'fastify';
import type { Html } from './html.ts';

export interface SendPageOptions {
  /**
   * Where a form of this page may lead beside our own origin. Browsers apply `form-action` to the redirect after a
   * POST as well, so a page whose form ends at a client names that client's redirect URI here; its origin is used.
   */
  readonly formAction?: readonly string[];
  /** The page is reached by https, though perhaps not on this socket. Default: whether this socket is TLS. */
  readonly secure?: boolean;
  /** The page runs scripts of our own origin: those that it was drawn with. */
  readonly script?: boolean;
}

/**
 * Answers with a page: never stored, never framed, no script unless it is told, no request to another origin, no address of ours in
 * anybody's `Referer`.
 */
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

/** The origin as the URL parser writes it: nothing of a registered text reaches the header but scheme, host and port. */
function originOf(target: string): string {
  const url = new URL(target);
  // An application's own scheme has no origin; CSP matches it as a scheme-source.
  if (url.origin === 'null') return url.protocol;
  return url.origin;
}
