import type { FastifyRequest } from 'fastify';
import { formErrors } from './form.ts';

/**
 * Lets through only what a page of our own origin sent. It stands beside the token in the form, not instead of it.
 *
 * `Sec-Fetch-Site` decides where the browser sends it: our pages forbid a referrer, and then browsers write
 * `Origin: null` even on our own forms (Fetch, "append a request Origin header"). Without it the `Origin` must be ours.
 *
 * @param origin ours, e.g. `https://id.example`
 * @throws CodedError `form_forged`
 */
export function requireSameOriginPost(request: FastifyRequest, origin: string): void {
  const site = request.headers['sec-fetch-site'];
  const sent = request.headers.origin;
  const fromUs =
    site === undefined
      ? sent === origin
      : site === 'same-origin' && (sent === undefined || sent === 'null' || sent === origin);
  if (!fromUs)
    throw formErrors.error('form_forged', 'This form was not sent from a page of ours. Go back and begin again.', {
      internal: `origin ${String(sent).slice(0, 100)}, site ${String(site).slice(0, 20)}`,
    });
}
