import { chainVerifiedHeader, presentedCertificateOf } from '@countersign/runtime';
import replyFrom from '@fastify/reply-from';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Dispatcher } from 'undici';
import type { Peer } from './peer.ts';
import { wireErrors } from './process-identity.ts';

/** By which of our listeners a request came that another process answers. */
export const listenerHeader = 'x-countersign-listener';

/** Paths, and all below them, whose requests another process answers. */
export interface DoorsElsewhere {
  readonly peer: Pick<Peer, 'name' | 'dispatchers'>;
  readonly paths: readonly string[];
}

/**
 * Passes requests on to the processes that answer them, as they came: the path and every header, a doubled one twice. Of who asks it adds
 * what it has seen itself, in the place of anything that says the same: the address, the client certificate (RFC 9440), and the name of
 * the listener.
 */
export function passOn(app: FastifyInstance, doors: DoorsElsewhere, listener: string): void {
  const { peer, paths } = doors;
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    // Whoever answers reads the body, and says what is wrong with it.
    scope.addContentTypeParser('*', (_request, body, done) => done(null, body));
    await scope.register(replyFrom, {
      // Which node it is, the connections know.
      base: `https://${peer.name}.process.invalid`,
      undici: inTurn(peer.dispatchers),
      disableRequestLogging: true,
      retryMethods: [],
      maxRetriesOn503: 0,
    });
    for (const path of paths)
      for (const url of [path, `${path}/*`])
        scope.all(url, (request, reply) =>
          reply.from(request.raw.url ?? path, {
            rewriteRequestHeaders: () => headersFor(request, listener),
            timeout: 0,
            onError: (failed) =>
              void failed.send(
                wireErrors.error('peer_unavailable', `The ${peer.name} process does not answer; nothing was released.`),
              ),
          }),
        );
  });
}

const ofOneConnection = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const ours = /^(?:x-forwarded-|x-countersign-|forwarded$|x-real-ip$|client-cert)/;

function headersFor(request: FastifyRequest, listener: string): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = Object.create(null);
  const raw = request.raw.rawHeaders;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    const value = raw[index + 1] ?? '';
    if (ofOneConnection.has(name) || ours.test(name)) continue;
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

/** Nodes of one process, each asked in turn. */
function inTurn(nodes: readonly Dispatcher[]): Dispatcher {
  let next = 0;
  return new (class extends Dispatcher {
    override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
      const node = nodes[next++ % nodes.length];
      if (node === undefined) throw new Error('a process without nodes');
      const { origin: _origin, ...rest } = options;
      return node.dispatch(rest, handler);
    }
    // Its owner closes the connections.
    override async close(): Promise<void> {}
    override async destroy(): Promise<void> {}
  })();
}
