import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { type Agent, type AgentOptions, createServer, request as httpsRequest } from 'node:https';
import { type AddressInfo, createServer as createPortFinder } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { defined } from '@countersign/kernel';
import type { TestCertificate } from '@countersign/testkit';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** One request over its own connection, unless `agent` says otherwise. */
export function send(
  url: string,
  options: AgentOptions & {
    readonly method?: string;
    readonly headers?: OutgoingHttpHeaders | readonly string[];
    readonly certificate?: TestCertificate;
    readonly agent?: Agent;
    /** OpenSSL's cipher list, e.g. for a client that accepts weaker ciphers. */
    readonly ciphers?: string;
  } = {},
): Promise<Answer> {
  const { certificate, headers, ...rest } = options;
  const own = certificate === undefined ? {} : { cert: certificate.certificatePem, key: certificate.privateKeyPem };
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      agent: false,
      ...rest,
      ...own,
      ...(headers === undefined ? {} : { headers: headers as OutgoingHttpHeaders }),
    });
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const body: unknown = text.startsWith('{') ? JSON.parse(text) : text;
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body });
      });
    });
    outgoing.end();
  });
}

/** RFC 8941 section 3.3.5, as RFC 9440 uses it. */
export function byteSequence(der: Uint8Array): string {
  return `:${Buffer.from(der).toString('base64')}:`;
}

/** A proxy that terminates TLS and forwards its client's certificate as RFC 9440 says. */
export async function startProxy(options: {
  readonly upstream: string;
  readonly authority: string;
  /** Certificate for its own clients. */
  readonly server: TestCertificate;
  /** Client certificate for the upstream; none if omitted. */
  readonly own?: TestCertificate;
}): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const { server, own, upstream, authority } = options;
  const proxy = createServer(
    { cert: server.certificatePem, key: server.privateKeyPem, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const certificate = (request.socket as TLSSocket).getPeerX509Certificate();
      const headers = certificate === undefined ? {} : { 'client-cert': byteSequence(certificate.raw) };
      send(`${upstream}${request.url}`, {
        ca: authority,
        headers,
        ...defined({ certificate: own }),
      }).then(
        ({ status, body }) => response.writeHead(status).end(JSON.stringify(body)),
        () => response.writeHead(502).end(),
      );
    },
  );
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        proxy.close(() => resolve());
        proxy.closeAllConnections();
      }),
  };
}

export async function freePort(): Promise<number> {
  const finder = createPortFinder();
  await new Promise<void>((resolve) => finder.listen(0, '127.0.0.1', resolve));
  const { port } = finder.address() as AddressInfo;
  await new Promise((resolve) => finder.close(resolve));
  return port;
}
