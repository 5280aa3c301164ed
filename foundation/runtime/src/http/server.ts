import type { IncomingMessage, RequestListener, Server } from 'node:http';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { type Clock, CodedError, systemClock } from '@countersign/kernel';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger, Metrics } from '../observability/index.ts';
import { type ClientCertificateTrust, createCertificateReader } from './client-certificate.ts';
import { watchConnections } from './draining.ts';
import { checkCallersFirst } from './guarded.ts';
import { readJsonBody } from './json-body.ts';
import { asCodedError, problemOf, statusOf } from './problem.ts';
import { type HttpTls, tlsOptions } from './tls.ts';
import { keepZone } from './zone.ts';

export interface HttpServerOptions {
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Maximum request body in bytes; a larger one is refused before it is read completely. Default 262,144. */
  readonly bodyLimit?: number;
  /** Plain HTTP when left out. */
  readonly tls?: HttpTls;
  /** Clock for the validity of certificates; the system's when left out. */
  readonly clock?: Clock;
  /** Name of the listener's network zone in the configuration; read by `zoneOf`. */
  readonly zone?: string;
  /** For a server without its own listener: another of our processes forwards requests to it. */
  readonly passedOn?: PassedOn;
  /** A listener for requests that another server on the same port answers; undefined for this server's own requests. */
  readonly elsewhere?: (request: IncomingMessage) => RequestListener | undefined;
}

/** Settings for requests that another process forwards. */
export interface PassedOn {
  /** Whether the connection belongs to a process that may forward requests. */
  readonly by: (socket: Socket) => boolean;
}

const timeouts = {
  // Limits how long a client that sends its request slowly can hold a connection.
  requestTimeout: 15_000,
  connectionTimeout: 60_000,
  keepAliveTimeout: 65_000,
} as const;
/** How often Node checks for timed-out connections. Its default of 30 s would extend each timeout by that much. */
const lateness = { headersTimeout: 10_000, connectionsCheckingInterval: 1_000 } as const;

/**
 * A Fastify server with our defaults: strict schemas (no coercion, no silent removal), bounded bodies and times, errors as RFC
 * 9457 problems, no trust in forwarding headers, security headers on every response, and no personal data in its log. With TLS,
 * only what BCP 195 recommends; `presentedCertificateOf` reads client certificates.
 */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const app = fastify({
    logger: false,
    // Only a forwarding process may supply the client's address.
    trustProxy: options.passedOn !== undefined,
    bodyLimit: options.bodyLimit ?? 262_144,
    ...timeouts,
    ...(options.tls === undefined ? { http: lateness } : { serverFactory: tlsServer(options.tls, options.elsewhere) }),
    frameworkErrors: (error, request, reply) => sendError(error, request, reply, options.logger),
    clientErrorHandler: answerUnreadable,
    routerOptions: { maxParamLength: 512 },
    // `watchConnections` tells which connections are idle; requests that arrive during closing are still answered.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    ajv: {
      customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false, allErrors: false },
    },
  });

  watchConnections(app, options.tls !== undefined);

  // Kept as text: the reader of the form decides about repeated parameters (RFC 6749 section 3.2).
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  );

  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, readJsonBody);

  const readCertificate = createCertificateReader({
    trust: trustOf(options),
    clock: options.clock ?? systemClock,
  });
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-content-type-options', 'nosniff');
    reply.header('cache-control', 'no-store');
    // RFC 6797: after a visit over TLS, the browser no longer uses plain HTTP.
    if (options.tls !== undefined) reply.header('strict-transport-security', 'max-age=31536000');
    readCertificate(request);
    keepZone(request, options.zone);
    const requestId = request.headers['x-request-id'];
    // AuthZEN 1.0 section 10.1.3: echo the id when given. It must be short printable ASCII, because it becomes a header.
    if (typeof requestId === 'string' && /^[\x20-\x7e]{1,256}$/.test(requestId))
      reply.header('x-request-id', requestId);
    done();
  });
  checkCallersFirst(app);
  app.addHook('onResponse', (request, reply, done) => {
    options.metrics.observeRequest(
      request.method,
      request.routeOptions.url ?? 'none',
      reply.statusCode,
      reply.elapsedTime / 1000,
    );
    done();
  });

  app.setNotFoundHandler((_request, reply) => {
    void reply.status(404).type('application/problem+json').send({
      type: 'urn:countersign:error:route_not_found',
      title: 'route not found',
      status: 404,
      code: 'route_not_found',
      detail: 'Nothing is served under this method and path.',
    });
  });
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, options.logger));
  return app;
}

function trustOf({ passedOn, tls }: HttpServerOptions): ClientCertificateTrust | undefined {
  if (passedOn === undefined) return tls?.clientCertificates;
  return { passesOn: passedOn.by };
}

/**
 * Replaces a server's certificate for new connections.
 *
 * @throws Error when certificate and key do not match, or the server has no TLS; it then continues unchanged
 */
export function renewTls(app: FastifyInstance, tls: HttpTls): void {
  const { server } = app;
  if (!(server instanceof TlsServer)) throw new Error('a server without TLS has no certificate to renew');
  server.setSecureContext(tlsOptions(tls));
}

/** Fastify does not apply its timeouts to a server that it did not create. */
function tlsServer(
  tls: HttpTls,
  elsewhere: HttpServerOptions['elsewhere'] = () => undefined,
): (handler: RequestListener) => Server {
  return (handler) => {
    const server = createServer({ ...tlsOptions(tls), ...lateness }, (request, response) =>
      (elsewhere(request) ?? handler)(request, response),
    );
    server.requestTimeout = timeouts.requestTimeout;
    server.keepAliveTimeout = timeouts.keepAliveTimeout;
    server.setTimeout(timeouts.connectionTimeout);
    return server;
  };
}

/** Sends an error as a problem document. Our own bug is logged completely and answered without detail. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply, logger: Logger): FastifyReply {
  const coded = asCodedError(error);
  if (coded === undefined && isGone(error, request)) {
    logger.debug({ method: request.method, route: request.routeOptions.url }, 'the client went away');
    return reply.hijack();
  }
  if (coded === undefined) {
    logger.error(
      { error, method: request.method, route: request.routeOptions.url },
      'request failed by a fault of ours',
    );
    return reply.status(500).type('application/problem+json').send({
      type: 'urn:countersign:error:internal_error',
      title: 'internal error',
      status: 500,
      code: 'internal_error',
      detail: 'Something failed on our side; nothing was released. The log of the service has the details.',
    });
  }
  logCoded(coded, request, logger);
  if (coded.category === 'unauthenticated') reply.header('www-authenticate', challengeOf(coded));
  if (coded.category === 'unavailable') reply.header('retry-after', '1');
  return reply.status(statusOf(coded)).type('application/problem+json').send(problemOf(coded));
}

/** Whether the client closed the connection or timed out while we read the request, so that nobody receives a response. */
function isGone(error: unknown, { raw }: FastifyRequest): boolean {
  return raw.destroyed && error instanceof Error && 'code' in error && error.code === 'ECONNRESET';
}

/** Node's own refusals before a request exists; Fastify's handlers do not see them. */
const unreadable: Readonly<Record<string, readonly [status: string, code: string, detail: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'headers_too_large', 'Send fewer or shorter headers.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'request_timeout', 'The request did not arrive in time.'],
};
const farewellMs = 1_000;
const malformed = ['400 Bad Request', 'request_malformed', 'This is not an HTTP request that can be read.'] as const;

function answerUnreadable(error: Error, socket: Socket): void {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  // Respond only to what is a request: before the TLS handshake ends, a response would wait for ever.
  const isRequest = code.startsWith('HPE_') || code === 'ERR_HTTP_REQUEST_TIMEOUT';
  if (!isRequest || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, name, detail] = unreadable[code] ?? malformed;
  const problem = problemOf(new CodedError({ code: name, category: 'invalid', detail }));
  const body = JSON.stringify({ ...problem, status: Number.parseInt(status, 10) });
  socket.end(
    [
      `HTTP/1.1 ${status}`,
      'content-type: application/problem+json',
      `content-length: ${Buffer.byteLength(body)}`,
      'cache-control: no-store',
      'x-content-type-options: nosniff',
      'connection: close',
      '',
      body,
    ].join('\r\n'),
    () => socket.destroy(),
  );
  // Do not wait for a client that does not read the response.
  setTimeout(() => socket.destroy(), farewellMs).unref();
}

function logCoded(error: CodedError, request: FastifyRequest, logger: Logger): void {
  const fields = {
    code: error.code,
    method: request.method,
    route: request.routeOptions.url,
    internal: error.internal,
  };
  if (error.category === 'unavailable')
    logger.warn({ ...fields, cause: causeOf(error) }, 'request answered as unavailable');
  else logger.debug(fields, 'request refused');
}

function causeOf(error: CodedError): string | undefined {
  return error.cause instanceof Error ? error.cause.message : undefined;
}

/**
 * Value of `WWW-Authenticate`. RFC 9449 section 7.1: the challenge names the scheme and, for an invalid token or proof, the
 * error.
 */
export function challengeOf(error: CodedError): string {
  const algorithms = 'algs="ES256 EdDSA PS256"';
  if (error.code === 'token_missing') return `DPoP ${algorithms}`;
  return `DPoP error="${error.code.startsWith('proof_') ? 'invalid_dpop_proof' : 'invalid_token'}", ${algorithms}`;
}
