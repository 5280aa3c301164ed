import type { FastifyRequest } from 'fastify';
import { formErrors } from './form.ts';

/**
 * Accepts only posts from pages of our own origin, in addition to the form's CSRF token.
 * `Sec-Fetch-Site` decides when the browser sends it: our pages send no referrer, so browsers write `Origin: null` even for our
 * own forms (Fetch, "append a request Origin header"). Without `Sec-Fetch-Site`, the `Origin` must be ours.
 *
 * @param origin ours, e.g. `https://id.example`
 * @throws CodedError `csrf_token_invalid`
 */
export function requireSameOriginPost(request: FastifyRequest, origin: string): void {
  const site = request.headers['sec-fetch-site'];
  const sent = request.headers.origin;
  const fromUs =
    site === undefined
      ? sent === origin
      : site === 'same-origin' && (sent === undefined || sent === 'null' || sent === origin);
  if (!fromUs)
    throw formErrors.error(
      'csrf_token_invalid',
      'This form was not sent from a page of ours. Go back and begin again.',
      {
        internal: `origin ${String(sent).slice(0, 100)}, site ${String(site).slice(0, 20)}`,
      },
    );
}
