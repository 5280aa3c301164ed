import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { chainVerifiedHeader, presentedCertificateOf } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Peer } from './peer.ts';

/** Header with the listener that received a forwarded request. */
export const listenerHeader = 'x-countersign-listener';

/** Path prefixes whose requests another process answers. */
export interface DoorsElsewhere {
  readonly peer: Pick<Peer, 'pass'>;
  readonly paths: readonly string[];
}

/**
 * Forwards requests unchanged to the processes that answer them: path and all headers, repeated ones included. It replaces headers
 * about the client with its own observations: address, client certificate (RFC 9440) and listener name.
 */
export function passOn(app: FastifyInstance, doors: DoorsElsewhere, listener: string): void {
  const { peer, paths } = doors;
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    // The answering process reads and validates the body.
    scope.addContentTypeParser('*', (_request, body, done) => done(null, body));
    for (const path of paths)
      for (const url of [path, `${path}/*`])
        scope.all(url, async (request, reply) => {
          const gone = new AbortController();
          reply.raw.once('close', () => gone.abort());
          const body = request.body instanceof Readable ? request.body : null;
          try {
            const answer = await peer.pass({
              method: request.method,
              path: originForm(request.raw.url ?? path),
              headers: headersFor(request, { listener, hasBody: body !== null }),
              body,
              signal: gone.signal,
            });
            return reply.status(answer.statusCode).headers(withoutConnection(answer.headers)).send(answer.body);
          } catch (error) {
            if (gone.signal.aborted) return reply.hijack();
            throw error;
          }
        });
  });
}

/** RFC 9112 section 3.2.2: a client may send an absolute URL, but the router has checked only its path. */
function originForm(target: string): string {
  const path = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
  return path.startsWith('/') ? path : `/${path}`;
}

function withoutConnection(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !ofOneConnection.has(name)));
}

const ofOneConnection = new Set([
  'connection',
  // Node answers this here, when the body is read.
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const ours = /^(?:x-forwarded-|x-countersign-|forwarded$|x-real-ip$|client-cert)/;

function headersFor(
  request: FastifyRequest,
  { listener, hasBody }: { readonly listener: string; readonly hasBody: boolean },
): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = Object.create(null);
  const raw = request.raw.rawHeaders;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    const value = raw[index + 1] ?? '';
    if (ofOneConnection.has(name) || ours.test(name)) continue;
    // The body of a GET has no meaning (RFC 9110 section 9.3.1) and is not forwarded.
    if (name === 'content-length' && !hasBody) continue;
    const before = headers[name];
    headers[name] = before === undefined ? value : [...[before].flat(), value];
  }
  headers[listenerHeader] = listener;
  headers['x-forwarded-for'] = request.ip;
  const certificate = presentedCertificateOf(request);
  if (certificate !== undefined) {
    headers['client-cert'] = byteSequence(certificate.der);
    headers[chainVerifiedHeader] = certificate.chainVerified ? 'yes' : 'no';
    const { others = [] } = certificate;
    if (others.length > 0) headers['client-cert-chain'] = others.slice(0, 3).map(byteSequence).join(', ');
  }
  return headers;
}

/** RFC 8941 section 3.3.5. */
function byteSequence(bytes: Uint8Array): string {
  return `:${Buffer.from(bytes).toString('base64')}:`;
}
