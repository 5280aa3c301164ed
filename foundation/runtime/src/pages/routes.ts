import type { FastifyInstance } from 'fastify';
import { mark } from './mark.ts';
import { markPath } from './page.ts';
import { ceremonyScripts, pageScriptRoute } from './scripts.ts';
import { stylesheet, stylesheetRoute } from './stylesheet.ts';

/** Serves the shared assets of the pages: the stylesheet, the mark, and the scripts of ceremonies. All are public. */
export function pageRoutes(app: FastifyInstance): void {
  app.get(stylesheetRoute, (_request, reply) =>
    // The address contains the digest of the content, so a change has a new address.
    reply
      .header('cache-control', 'public, max-age=31536000, immutable')
      .type('text/css; charset=utf-8')
      .send(stylesheet),
  );
  app.get(markPath, (_request, reply) =>
    reply
      .header('cache-control', 'public, max-age=86400')
      // An SVG opened directly is a document of its own; it may load and run nothing.
      .header('content-security-policy', "default-src 'none'")
      .type('image/svg+xml')
      .send(mark),
  );
  for (const script of ceremonyScripts()) pageScriptRoute(app, script);
}
