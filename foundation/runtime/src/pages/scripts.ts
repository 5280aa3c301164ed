import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { FastifyInstance } from 'fastify';

export interface PageScript {
  readonly route: string;
  /** The path in pages: with the digest of the content, so that it can be cached for ever. */
  readonly path: string;
  readonly content: string;
}

/**
 * Reads a script that is part of a component.
 *
 * @param name in its address: `/assets/{name}`
 */
export function pageScript(name: string, file: URL): PageScript {
  const content = readFileSync(file, 'utf8');
  const route = `/assets/${name}`;
  const digest = createHash('sha256').update(content).digest('base64url').slice(0, 16);
  return { route, path: `${route}?v=${digest}`, content };
}

/** Serves a script with long caching, since a change has a new address. */
export function pageScriptRoute(app: FastifyInstance, { route, content }: PageScript): void {
  app.get(route, (_request, reply) =>
    reply
      .header('cache-control', 'public, max-age=31536000, immutable')
      .header('x-content-type-options', 'nosniff')
      .type('text/javascript; charset=utf-8')
      .send(content),
  );
}

let read: readonly PageScript[] | undefined;

/**
 * Scripts of a page with a ceremony, in this order: the library, and the code that applies it to forms. Read on first use, so
 * that processes without pages need no files.
 */
export function ceremonyScripts(): readonly PageScript[] {
  read ??= [
    pageScript(
      'webauthn.js',
      // The package has a bundled file beside the modules that it exports.
      new URL(
        '../dist/bundle/index.umd.min.js',
        pathToFileURL(createRequire(import.meta.url).resolve('@simplewebauthn/browser')),
      ),
    ),
    pageScript('ceremony.js', new URL('../../assets/ceremony.js', import.meta.url)),
  ];
  return read;
}
