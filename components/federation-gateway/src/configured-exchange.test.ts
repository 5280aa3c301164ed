import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '@countersign/runtime';
import { createTestAuthority } from '@countersign/testkit';
import { afterEach, expect, it } from 'vitest';
import { createConfiguredExchange } from './index.ts';

const authority = createTestAuthority({ name: 'witnesses' });
const certificate = authority.issue({ subject: 'CN=witness', sans: { dns: ['localhost'], ip: ['127.0.0.1'] } });
const logger = createLogger({ level: 'silent', name: 'test' });
const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

function open(authorities = authority.certificatePem) {
  const exchange = createConfiguredExchange({ logger, authorities });
  stops.push(() => exchange.stop());
  return exchange;
}

async function serve(answer: RequestListener, kind: 'http' | 'https' = 'http'): Promise<string> {
  const server =
    kind === 'http'
      ? createServer(answer)
      : createTlsServer({ cert: certificate.certificatePem, key: certificate.privateKeyPem }, answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `${kind}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const message = { contentType: 'text/plain', body: 'hello' };

it('posts a body and returns status, type and bytes of any response', async () => {
  const url = await serve((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const seen = `${request.method} ${request.url} ${request.headers['content-type']} ${body}`;
      response.writeHead(409, { 'content-type': 'text/x.tlog.size' }).end(seen);
    });
  });
  const answer = await open().exchange(`${url}/add-checkpoint`, message);
  expect([answer.status, answer.contentType, answer.body.toString()]).toEqual([
    409,
    'text/x.tlog.size',
    'POST /add-checkpoint text/plain hello',
  ]);
});

it('fetches a document only if it is complete and answered with 200', async () => {
  const url = await serve((request, response) => {
    if (request.url === '/list.crl') return void response.end(`${request.method} list`);
    response.writeHead(request.url === '/moved' ? 302 : 404, { location: '/list.crl' }).end('gone');
  });
  expect((await open().get(`${url}/list.crl`)).toString()).toBe('GET list');
  for (const [path, limits] of [
    ['/moved', {}],
    ['/other', {}],
    ['/list.crl', { maxBytes: 3 }],
  ] as const)
    await expect(open().get(url + path, limits)).rejects.toMatchObject({ code: 'outbound_failed' });
  await expect(open().get('http://lists.example/')).rejects.toMatchObject({ code: 'outbound_address_refused' });
});

it('returns a redirect without following it', async () => {
  const url = await serve((_request, response) => void response.writeHead(302, { location: '/elsewhere' }).end());
  expect((await open().exchange(url, message)).status).toBe(302);
});

it('gives up on a server that accepts a connection and never starts TLS', async () => {
  const accepted: Socket[] = [];
  const server = createTcpServer((socket) => accepted.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on a port has an address of this kind.
  const { port } = server.address() as AddressInfo;
  stops.push(() => {
    for (const socket of accepted) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  const asked = open().exchange(`https://localhost:${port}/`, { ...message, timeoutMs: 50 });
  // Without a limit of its own, a connection attempt takes ten seconds to fail.
  await expect(Promise.race([asked, sleep(9_000)])).rejects.toMatchObject({ code: 'outbound_failed' });
});

it('aborts a slow response, an endless one and an oversized one', async () => {
  const silent = await serve(() => undefined);
  const failed = { code: 'outbound_failed', category: 'unavailable' };
  await expect(open().exchange(silent, { ...message, timeoutMs: 50 })).rejects.toMatchObject(failed);
  const dripping = await serve((_request, response) => {
    response.writeHead(200);
    const drip = setInterval(() => response.write('x'), 5);
    response.on('close', () => clearInterval(drip));
  });
  await expect(open().exchange(dripping, { ...message, timeoutMs: 100 })).rejects.toMatchObject(failed);
  await expect(open().exchange(dripping, { ...message, maxBytes: 3 })).rejects.toMatchObject(failed);
});

it('accepts only servers certified by its authorities', async () => {
  const url = await serve((_request, response) => void response.end('ok'), 'https');
  expect((await open().exchange(url, message)).body.toString()).toBe('ok');
  const stranger = createTestAuthority({ name: 'strangers' });
  await expect(open(stranger.certificatePem).exchange(url, message)).rejects.toMatchObject({ code: 'outbound_failed' });
});

it.each(['', 'witness', 'http://witness.example/', 'ftp://127.0.0.1/', 'https://user:secret@witness.example/'])(
  'refuses the address %j',
  async (url) => {
    await expect(open().exchange(url, message)).rejects.toMatchObject({ code: 'outbound_address_refused' });
  },
);

it('uses plain http elsewhere only where explicitly allowed, and never for other schemes', async () => {
  const plain = { ...message, plainHttp: true, timeoutMs: 500 };
  await expect(open().exchange('http://authority.invalid/', plain)).rejects.toMatchObject({ code: 'outbound_failed' });
  await expect(open().exchange('ftp://authority.invalid/', plain)).rejects.toMatchObject({
    code: 'outbound_address_refused',
  });
});
