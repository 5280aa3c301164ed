import type { FastifyInstance } from 'fastify';
import { mark } from './mark.ts';
import { markPath } from './page.ts';
import { ceremonyScripts, pageScriptRoute } from './scripts.ts';
import { stylesheet, stylesheetRoute } from './stylesheet.ts';

/** Serves what the pages are drawn with: one stylesheet, the mark, and the scripts of ceremonies. All are public and the same for everybody. */
export function pageRoutes(app: FastifyInstance): void {
  app.get(stylesheetRoute, (_request, reply) =>
    // The pages name it with the digest of its content, so a change is a new address.
    reply
      .header('cache-control', 'public, max-age=31536000, immutable')
      .type('text/css; charset=utf-8')
      .send(stylesheet),
  );
  app.get(markPath, (_request, reply) =>
    reply
      .header('cache-control', 'public, max-age=86400')
      // An SVG that is opened by itself is a document; it may load and run nothing.
      .header('content-security-policy', "default-src 'none'")
      .type('image/svg+xml')
      .send(mark),
  );
  for (const script of ceremonyScripts()) pageScriptRoute(app, script);
}
