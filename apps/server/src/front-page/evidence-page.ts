import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';

/** The page that verifies evidence: a single file, built beside this app and never imported. */
export const builtEvidencePage = fileURLToPath(new URL('../../../evidence-page/dist/verify.html', import.meta.url));

const evidencePagePath = '/verify';

/**
 * Serves the page that verifies evidence with its own content security policy: script and style by digest, no connections, and
 * `frame-ancestors`, which a `meta` element cannot set (CSP Level 3, section 3.3).
 *
 * @returns its path; undefined if the page has not been built, in which case it is not served
 */
export function evidencePageRoute(app: FastifyInstance, { issuer }: { readonly issuer: string }): string | undefined {
  if (!existsSync(builtEvidencePage)) return undefined;
  const document = readFileSync(builtEvidencePage, 'utf8');
  const [, policy] = /<meta http-equiv="Content-Security-Policy" content="([^"]+)">/.exec(document) ?? [];
  if (policy === undefined) throw new Error(`${builtEvidencePage} was built without a policy`);
  app.get(evidencePagePath, (_request, reply) => {
    if (issuer.startsWith('https:')) reply.header('strict-transport-security', 'max-age=63072000');
    return reply
      .headers({
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': `${policy}; frame-ancestors 'none'`,
        'referrer-policy': 'no-referrer',
        'x-frame-options': 'DENY',
        'cross-origin-opener-policy': 'same-origin',
        'cache-control': 'no-store',
      })
      .send(document);
  });
  return evidencePagePath;
}
