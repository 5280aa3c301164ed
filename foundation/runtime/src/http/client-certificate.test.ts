import { generateKeyPairSync } from 'node:crypto';
import { Agent } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import {
  createSelfSigned,
  createTestAuthority,
  type FixedClock,
  fixedClock,
  type TestCertificate,
} from '@countersign/testkit';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger, createMetrics } from '../observability/index.ts';
import { derOf, madeAt, pemOf } from '../testing/certificate-chains.ts';
import { byteSequence, send, startProxy } from '../testing/tls-peers.ts';
import { presentedCertificateOf } from './client-certificate.ts';
import { createHttpServer } from './server.ts';
import type { HttpTls } from './tls.ts';

const minute = 60_000;
const authority = createTestAuthority({ name: 'clients' });
const serverCertificate = authority.issue({ subject: 'CN=localhost', sans: { ip: ['127.0.0.1'] } });
const client = authority.issue({ subject: 'CN=client' });
const proxy = authority.issue({ subject: 'CN=proxy' });
const trusted = { ca: authority.certificatePem };

let clock: FixedClock;
let app: FastifyInstance;
let url: string;
let handled: number;

async function listen(tls: Pick<HttpTls, 'clientCertificates'> | 'plain' = { clientCertificates }): Promise<void> {
  app = createHttpServer({
    logger: createLogger({ level: 'silent', name: 'test' }),
    metrics: createMetrics(),
    clock,
    ...(tls === 'plain'
      ? {}
      : { tls: { certificate: serverCertificate.certificatePem, key: serverCertificate.privateKeyPem, ...tls } }),
  });
  const answer = (request: Parameters<typeof presentedCertificateOf>[0]) => {
    handled++;
    const certificate = presentedCertificateOf(request);
    return certificate === undefined
      ? { shown: false }
      : { shown: true, der: Buffer.from(certificate.der).toString('hex'), chainVerified: certificate.chainVerified };
  };
  app.get('/', async (request) => answer(request));
  app.post('/', async (request) => answer(request));
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  url = `${tls === 'plain' ? 'http' : 'https'}://127.0.0.1:${address.port}`;
}

const clientCertificates = { authorities: authority.certificatePem, proxies: [proxy.thumbprint] };
const shown = ({ der }: Pick<TestCertificate, 'der'>, chainVerified: boolean) => ({
  status: 200,
  body: { shown: true, der: der.toString('hex'), chainVerified },
});
const notShown = { status: 200, body: { shown: false } };
const untrusted = { status: 400, body: { code: 'client_certificate_header_untrusted' } };
const malformed = { status: 400, body: { code: 'client_certificate_header_malformed' } };

beforeEach(() => {
  clock = fixedClock(Date.now());
  handled = 0;
});
afterEach(() => app.close());

describe('a client certificate in the handshake', () => {
  beforeEach(() => listen());

  it('is presented, and verified if one of our authorities has issued it', async () => {
    expect(await send(url, { ...trusted, certificate: client })).toMatchObject(shown(client, true));
  });

  it.each([
    ['has expired', authority.issue({ subject: 'CN=client', notAfter: new Date(Date.now() - minute) })],
    ['is not valid yet', authority.issue({ subject: 'CN=client', notBefore: new Date(Date.now() + 60 * minute) })],
    ['is from another authority', createTestAuthority({ name: 'others' }).issue({ subject: 'CN=client' })],
    [
      'is from an authority that has taken the name of ours',
      createTestAuthority({ name: 'clients' }).issue({ subject: 'CN=client' }),
    ],
    ['is self-signed', createSelfSigned({ subject: 'CN=client' })],
  ])('is presented and not verified if it %s', async (_, certificate) => {
    expect(await send(url, { ...trusted, certificate })).toMatchObject(shown(certificate, false));
  });

  it('is presented and not verified if its key is weak, although OpenSSL accepts it', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const privateKeyPem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    const certificate = authority.issue({ subject: 'CN=client', privateKeyPem });
    expect(await send(url, { ...trusted, certificate, ciphers: 'DEFAULT:@SECLEVEL=0' })).toMatchObject(
      shown(certificate, false),
    );
  });

  it('is optional: a client without one is served without one', async () => {
    expect(await send(url, trusted)).toMatchObject(notShown);
  });

  it('is no longer verified once it expires on an open connection', async () => {
    const certificate = authority.issue({ subject: 'CN=client', notAfter: new Date(Date.now() + 10 * minute) });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      expect(await send(url, { ...trusted, certificate, agent })).toMatchObject(shown(certificate, true));
      clock.advance(11 * minute);
      expect(await send(url, { ...trusted, certificate, agent })).toMatchObject(shown(certificate, false));
    } finally {
      agent.destroy();
    }
  });
});

describe('without configured authorities', () => {
  it('nothing is verified, neither a self-signed certificate nor one of an authority', async () => {
    await listen({ clientCertificates: {} });
    expect(await send(url, { ...trusted, certificate: client })).toMatchObject(shown(client, false));
    const selfSigned = createSelfSigned({ subject: 'CN=client' });
    expect(await send(url, { ...trusted, certificate: selfSigned })).toMatchObject(shown(selfSigned, false));
  });
});

const forged = byteSequence(client.der);
const headerNames = [
  'Client-Cert',
  'Client-Cert-Chain',
  'client-cert',
  'X-Forwarded-Client-Cert',
  'X-SSL-Client-Cert',
  'SSL-Client-Cert',
  'ssl_client_cert',
  'X-Client-Cert',
  'X-Client-Certificate',
  'X-SSL-Client-Verify',
  'X-SSL-Client-S-DN',
  'X-TLS-Client-Cert',
  'X-SSL-Cert',
  'X-ARR-ClientCert',
  'X-Amzn-Mtls-Clientcert-Leaf',
  'CF-Client-Cert-DER-Base64',
];

describe('a header about a client certificate is refused before any other check', () => {
  it.each(headerNames)('on the plain listener: %s', async (name) => {
    await listen('plain');
    expect(await send(url, { headers: { [name]: forged } })).toMatchObject(untrusted);
    expect(handled).toBe(0);
  });

  it.each(headerNames)('from a client whose certificate is not that of a proxy: %s', async (name) => {
    await listen();
    expect(await send(url, { ...trusted, certificate: client, headers: { [name]: forged } })).toMatchObject(untrusted);
    expect(handled).toBe(0);
  });

  it('from a client without a certificate, on a TLS listener that requests none, even if empty', async () => {
    await listen();
    expect(await send(url, { ...trusted, headers: { 'client-cert': forged } })).toMatchObject(untrusted);
    expect(await send(url, { ...trusted, headers: { 'client-cert': '' } })).toMatchObject(untrusted);
    await app.close();
    await listen({});
    const asProxy = { ...trusted, certificate: proxy, headers: { 'client-cert': forged } };
    expect(await send(url, asProxy)).toMatchObject(untrusted);
  });

  it('even for an unknown address and an unacceptable body', async () => {
    await listen();
    const headers = { 'client-cert': forged, 'content-type': 'application/xml' };
    expect(await send(`${url}/nowhere`, { ...trusted, headers })).toMatchObject(untrusted);
    expect(await send(url, { ...trusted, method: 'POST', headers })).toMatchObject(untrusted);
  });

  it('while other headers are accepted', async () => {
    await listen('plain');
    const headers = { 'x-client-id': 'desk', 'ssl-offload': 'on', 'x-client-version': '2' };
    expect(await send(url, { headers })).toMatchObject(notShown);
  });
});

describe('an authenticated proxy', () => {
  const asProxy = (headers: Record<string, string> | readonly string[]) =>
    send(url, { ...trusted, certificate: proxy, headers });

  it('forwards its client’s certificate, and the chain is checked again here', async () => {
    await listen();
    const selfSigned = createSelfSigned({ subject: 'CN=client' });
    const expired = authority.issue({ subject: 'CN=client', notAfter: new Date(Date.now() - minute) });
    expect(await asProxy({ 'client-cert': byteSequence(client.der) })).toMatchObject(shown(client, true));
    expect(await asProxy({ 'client-cert': byteSequence(selfSigned.der) })).toMatchObject(shown(selfSigned, false));
    expect(await asProxy({ 'client-cert': byteSequence(expired.der) })).toMatchObject(shown(expired, false));
  });

  it('forwards the certificates between the client and its authority', async () => {
    clock = fixedClock(madeAt + 60 * minute);
    await listen({ clientCertificates: { authorities: pemOf('root'), proxies: [proxy.thumbprint] } });
    const der = derOf('belowSecond');
    const headers = { 'client-cert': byteSequence(der) };
    const chain = `${byteSequence(derOf('second'))}, ${byteSequence(derOf('first'))}`;
    expect(await asProxy({ ...headers, 'client-cert-chain': chain })).toMatchObject(shown({ der }, true));
    expect(await asProxy(headers)).toMatchObject(shown({ der }, false));
  });

  it('is never taken for its client: its own certificate does not authenticate a client', async () => {
    await listen();
    expect(await asProxy({})).toMatchObject(notShown);
  });

  it.each([
    ['twice', ['client-cert', forged, 'Client-Cert', forged]],
    ['with a chain twice', ['client-cert', forged, 'client-cert-chain', forged, 'client-cert-chain', forged]],
    ['two in one', ['client-cert', `${forged}, ${forged}`]],
    ['without the colons', ['client-cert', client.der.toString('base64')]],
    ['with one colon', ['client-cert', ':']],
    ['empty', ['client-cert', '']],
    ['without bytes', ['client-cert', '::']],
    ['in base64url', ['client-cert', `:${Buffer.alloc(30, 0xff).toString('base64url')}:`]],
    ['with parameters', ['client-cert', `${forged};verified`]],
    ['in PEM that was escaped', ['client-cert', encodeURIComponent(client.certificatePem)]],
    ['longer than a certificate', ['client-cert', byteSequence(Buffer.alloc(8_200))]],
    ['only its chain', ['client-cert-chain', forged]],
    ['with a chain of four', ['client-cert', forged, 'client-cert-chain', Array(4).fill(forged).join(',')]],
    ['with an empty place in its chain', ['client-cert', forged, 'client-cert-chain', `${forged},`]],
  ] as const)('is refused if it forwards the certificate %s', async (_, headers) => {
    await listen();
    expect(await asProxy(['host', 'localhost', ...headers])).toMatchObject(malformed);
    expect(handled).toBe(0);
  });

  it('is refused if it forwards a header of another kind', async () => {
    await listen();
    for (const name of ['x-forwarded-client-cert', 'x-ssl-client-cert', 'ssl_client_cert'])
      expect(await asProxy({ 'client-cert': forged, [name]: forged })).toMatchObject(untrusted);
  });

  it('is not recognised with a renewed certificate, even for the same key, until that is configured', async () => {
    await listen();
    const renewed = authority.issue({ subject: 'CN=proxy', privateKeyPem: proxy.privateKeyPem });
    expect(renewed.thumbprint).not.toBe(proxy.thumbprint);
    const asRenewed = { ...trusted, certificate: renewed, headers: { 'client-cert': forged } };
    expect(await send(url, asRenewed)).toMatchObject(untrusted);
    await app.close();
    await listen({ clientCertificates: { ...clientCertificates, proxies: [renewed.thumbprint] } });
    expect(await send(url, asRenewed)).toMatchObject(shown(client, true));
  });

  it('is not recognised once its certificate has expired', async () => {
    const old = authority.issue({ subject: 'CN=proxy', notAfter: new Date(Date.now() - minute) });
    await listen({ clientCertificates: { ...clientCertificates, proxies: [old.thumbprint] } });
    expect(await send(url, { ...trusted, certificate: old, headers: { 'client-cert': forged } })).toMatchObject(
      untrusted,
    );
  });

  it('serves its clients as our own listener would, and only while it presents its own certificate', async () => {
    await listen();
    const common = { upstream: url, authority: authority.certificatePem, server: serverCertificate };
    const known = await startProxy({ ...common, own: proxy });
    const unknown = await startProxy({ ...common });
    try {
      expect(await send(known.url, { ...trusted, certificate: client })).toMatchObject(shown(client, true));
      expect(await send(known.url, trusted)).toMatchObject(notShown);
      expect(await send(unknown.url, { ...trusted, certificate: client })).toMatchObject(untrusted);
    } finally {
      await Promise.all([known.stop(), unknown.stop()]);
    }
  });
});

describe('TLS', () => {
  beforeEach(() => listen());
  const handshake = (options: object): Promise<TLSSocket> =>
    new Promise((resolve, reject) => {
      const { port } = new URL(url);
      const socket = connect({ host: '127.0.0.1', port: Number(port), ...trusted, ...options }, () => resolve(socket));
      socket.on('error', reject);
    });

  it('is version 1.3, or 1.2 with the cipher suites of BCP 195', async () => {
    for (const [options, protocol] of [
      [{}, 'TLSv1.3'],
      [{ maxVersion: 'TLSv1.2' }, 'TLSv1.2'],
      [{ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }, 'TLSv1.2'],
    ] as const) {
      const socket = await handshake(options);
      expect(socket.getProtocol()).toBe(protocol);
      socket.destroy();
    }
  });

  it.each([
    ['an older version', { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }],
    ['CBC', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA' }],
    ['a suite that BCP 195 does not recommend', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-CHACHA20-POLY1305' }],
  ])('is refused as %s', async (_, options) => {
    await expect(handshake(options)).rejects.toMatchObject({ code: expect.stringMatching(/^(ERR_SSL|ECONNRESET)/) });
  });

  it('resumes no session, so that each handshake checks the certificate again', async () => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const certificate = { cert: client.certificatePem, key: client.privateKeyPem };
      const first = await handshake({ maxVersion, ...certificate });
      // In TLS 1.3, session tickets come after the handshake.
      const session = await new Promise((resolve) => {
        first.once('session', resolve);
        setTimeout(() => resolve(first.getSession()), 300);
      });
      expect(session).toBeInstanceOf(Buffer);
      first.destroy();
      const second = await handshake({ maxVersion, session, ...certificate });
      expect(second.isSessionReused()).toBe(false);
      second.destroy();
    }
  });

  it('tells browsers to keep using it', async () => {
    expect((await send(url, trusted)).headers['strict-transport-security']).toBe('max-age=31536000');
    await app.close();
    await listen('plain');
    expect((await send(url)).headers['strict-transport-security']).toBeUndefined();
  });
});
