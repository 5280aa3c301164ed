import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { FastifyInstance } from 'fastify';

/** A script of ours, served to everybody alike. */
export interface PageScript {
  /** The path the server answers. */
  readonly route: string;
  /** The path the pages name: with the digest of the content, so that it can be kept for ever. */
  readonly path: string;
  readonly content: string;
}

/**
 * Reads a script that is shipped with a component.
 *
 * @param name of its address: `/assets/{name}`
 */
export function pageScript(name: string, file: URL): PageScript {
  const content = readFileSync(file, 'utf8');
  const route = `/assets/${name}`;
  const digest = createHash('sha256').update(content).digest('base64url').slice(0, 16);
  return { route, path: `${route}?v=${digest}`, content };
}

/** Serves a script; it may be kept, since a change is a new address. */
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
 * What a page with a ceremony runs, in this order: the library, and what puts it to work on forms. Read when a page first
 * wants them: who draws none needs no files.
 */
export function ceremonyScripts(): readonly PageScript[] {
  read ??= [
    pageScript(
      'webauthn.js',
      // The ready-made bundle stands beside the modules that the package exports.
      new URL(
        '../dist/bundle/index.umd.min.js',
        pathToFileURL(createRequire(import.meta.url).resolve('@simplewebauthn/browser')),
      ),
    ),
    pageScript('ceremony.js', new URL('../../assets/ceremony.js', import.meta.url)),
  ];
  return read;
}
