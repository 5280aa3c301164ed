import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Outbound } from '@countersign/contracts';
import { createLogger } from '@countersign/runtime';
import { createTestAuthority } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createOutbound, type OutboundDependencies } from './outbound.ts';
import { guardedLookup, type Resolve } from './outbound-target.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const authority = createTestAuthority({ name: 'partners' });
const certificate = authority.issue({
  subject: 'CN=partner',
  sans: { dns: ['partner.example', 'localhost'], ip: ['127.0.0.1'] },
});

interface Received {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

let servers: Server[];
let connections: number;
let received: Received[];
let answer: RequestListener;
let lookups: string[];
beforeEach(() => {
  servers = [];
  connections = 0;
  received = [];
  lookups = [];
  answer = json('{"keys":[]}');
});
afterEach(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

const json =
  (text: string | Buffer, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) =>
    void response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(text);

/** A partner's server on loopback. @returns its port */
async function serve(kind: 'https' | 'http' = 'https', host = '127.0.0.1'): Promise<number> {
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url, headers } = request;
      received.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
      answer(request, response);
    });
  };
  const server =
    kind === 'https'
      ? createTlsServer({ cert: certificate.certificatePem, key: certificate.privateKeyPem }, listener)
      : createHttpServer(listener);
  server.on('connection', () => connections++);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

/** A resolver that gives each name its addresses in sequence. */
function names(answers: Record<string, readonly (readonly string[])[]>): Resolve {
  const asked = new Map<string, number>();
  return (hostname, done) => {
    lookups.push(hostname);
    const turn = asked.get(hostname) ?? 0;
    asked.set(hostname, turn + 1);
    const addresses = answers[hostname]?.[Math.min(turn, (answers[hostname]?.length ?? 1) - 1)];
    if (addresses === undefined) done(Object.assign(new Error('unknown name'), { code: 'ENOTFOUND' }), []);
    else
      done(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
  };
}

const open = (options: Partial<OutboundDependencies> = {}): Outbound =>
  createOutbound({ environment: 'development', logger, authorities: authority.certificatePem, ...options });
const production = (options: Partial<OutboundDependencies> = {}): Outbound =>
  open({ environment: 'production', ...options });
const partner = names({ 'partner.example': [['127.0.0.1']] });

const refused = { code: 'outbound_address_refused', category: 'invalid' };
const failed = { code: 'outbound_failed', category: 'unavailable' };
const hello = { contentType: 'application/json', body: '{"auth_req_id":"1"}' } as const;

describe('in production', () => {
  it.each([
    'http://partner.example/',
    'ftp://partner.example/',
    'file:///etc/passwd',
    'data:application/json,{}',
    'javascript:0',
    '/relative',
    '',
    'https://',
    `https://partner.example/${'a'.repeat(2_100)}`,
    'https://user:secret@partner.example/',
    'https://user@partner.example/',
  ])('refuses %s as a literal address', async (url) => {
    const outbound = production({ resolve: names({ 'partner.example': [['93.184.215.14']] }) });
    await expect(outbound.getJson(url)).rejects.toMatchObject(refused);
    await expect(outbound.post(url, hello)).rejects.toMatchObject(refused);
    expect(lookups).toEqual([]);
  });

  it.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '0',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[64:ff9b::7f00:1]',
    '10.1.2.3',
    '192.168.0.1',
    '169.254.169.254',
    '[fd00:ec2::254]',
    '[fe80::1]',
    '224.0.0.1',
    '127.0.0.1.',
  ])('refuses the address %s in every spelling', async (host) => {
    const port = await serve();
    await expect(production().getJson(`https://${host}:${port}/jwks`)).rejects.toMatchObject(refused);
    expect(connections).toBe(0);
  });

  it.each([
    ['our own machine', ['127.0.0.1']],
    ['a private network', ['10.0.0.7']],
    ['a metadata service', ['169.254.169.254']],
    ['IPv6 loopback', ['::1']],
    ['a mapped address', ['::ffff:127.0.0.1']],
    ['a public and an internal address', ['93.184.215.14', '127.0.0.1']],
  ])('refuses a name that resolves to %s before it connects', async (_, addresses) => {
    const port = await serve();
    const outbound = production({ resolve: names({ 'partner.example': [addresses] }) });
    await expect(outbound.getJson(`https://partner.example:${port}/jwks`)).rejects.toMatchObject(refused);
    await expect(outbound.post(`https://partner.example:${port}/ping`, hello)).rejects.toMatchObject(refused);
    expect(connections).toBe(0);
  });

  it('refuses localhost under every name', async () => {
    const port = await serve();
    for (const host of ['localhost', 'LOCALHOST'])
      await expect(production().getJson(`https://${host}:${port}/`)).rejects.toMatchObject(refused);
    expect(connections).toBe(0);
  });

  it('reveals to the author of a URL neither the URL nor where it led', async () => {
    const outbound = production({ resolve: names({ 'partner.example': [['10.0.0.7']] }) });
    const error: unknown = await outbound.getJson('https://partner.example/secret').catch((caught: unknown) => caught);
    expect(JSON.stringify((error as { detail: string }).detail)).not.toMatch(/10\.0|partner|secret/);
  });

  it('connects only to the address that was looked up and checked', () => {
    const lookup = guardedLookup(names({ 'partner.example': [['93.184.215.14', '2606:4700::1111']] }), {
      loopback: false,
    });
    let seen: unknown;
    lookup('partner.example', { all: true }, (error, addresses) => {
      seen = [error, addresses];
    });
    expect(seen).toEqual([
      null,
      [
        { address: '93.184.215.14', family: 4 },
        { address: '2606:4700::1111', family: 6 },
      ],
    ]);
  });
});

describe('a name with changing addresses', () => {
  it('is looked up once for each connection, so that check and use agree', async () => {
    const port = await serve();
    const outbound = open({ resolve: names({ 'partner.example': [['127.0.0.1'], ['10.0.0.7'], ['127.0.0.1']] }) });
    const url = `https://partner.example:${port}/jwks`;
    await expect(outbound.getJson(url)).resolves.toEqual({ keys: [] });
    expect(lookups).toHaveLength(1);
    await expect(outbound.getJson(url)).rejects.toMatchObject(refused);
    await expect(outbound.getJson(url)).resolves.toEqual({ keys: [] });
    expect([lookups.length, connections]).toEqual([3, 2]);
  });
});

describe('in development', () => {
  it('allows loopback, also by plain http', async () => {
    const [tls, plain] = [await serve(), await serve('http')];
    await expect(open().getJson(`https://127.0.0.1:${tls}/`)).resolves.toEqual({ keys: [] });
    await expect(open().getJson(`https://localhost:${tls}/`)).resolves.toEqual({ keys: [] });
    await expect(open().getJson(`http://127.0.0.1:${plain}/`)).resolves.toEqual({ keys: [] });
    await expect(open().getJson(`http://localhost:${plain}/`)).resolves.toEqual({ keys: [] });
  });

  it('refuses plain http to any other name, and other internal networks', async () => {
    const port = await serve('http');
    await expect(open({ resolve: partner }).getJson(`http://partner.example:${port}/`)).rejects.toMatchObject(refused);
    for (const host of ['169.254.169.254', '10.0.0.1', '192.168.0.1', '[fe80::1]'])
      await expect(open().getJson(`https://${host}/`)).rejects.toMatchObject(refused);
    expect(connections).toBe(0);
  });
});

describe('a document', () => {
  const fetched = async (limits?: { readonly timeoutMs?: number; readonly maxBytes?: number }) =>
    open({ resolve: partner }).getJson(`https://partner.example:${await serve()}/jwks?of=1`, limits);

  it('is requested without credentials and without compression', async () => {
    await expect(fetched()).resolves.toEqual({ keys: [] });
    const [request] = received;
    expect(request).toMatchObject({ method: 'GET', url: '/jwks?of=1' });
    expect(request?.headers['accept-encoding']).toBe('identity');
    expect(request?.headers).not.toHaveProperty('authorization');
    expect(request?.headers).not.toHaveProperty('cookie');
  });

  it.each(['application/json', 'application/jwk-set+json', 'Application/JSON; charset=utf-8'])(
    'may be %s',
    async (type) => {
      answer = json('{"keys":[]}', { 'content-type': type });
      await expect(fetched()).resolves.toEqual({ keys: [] });
    },
  );

  it.each([
    ['of another type', json('{}', { 'content-type': 'text/html' })],
    ['of a type that only begins like JSON', json('{}', { 'content-type': 'application/jsonp' })],
    ['without a type', ((_, response) => void response.writeHead(200).end('{}')) as RequestListener],
    ['that is not JSON', json('<html>')],
    ['with a key twice', json('{"keys":[],"keys":[1]}')],
    ['that is not UTF-8', json(Buffer.from([0x22, 0xff, 0x22]))],
    ['that is compressed', json(gzipSync('{"keys":[]}'), { 'content-encoding': 'gzip' })],
    [
      'with another status',
      ((_, response) =>
        void response.writeHead(206, { 'content-type': 'application/json' }).end('{}')) as RequestListener,
    ],
    [
      'that is an error',
      ((_, response) =>
        void response.writeHead(500, { 'content-type': 'application/json' }).end('{}')) as RequestListener,
    ],
    ['that is too large', json(`"${'a'.repeat(70_000)}"`)],
    [
      'that ends too early',
      ((_, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
        response.write('{"keys":[');
        setTimeout(() => response.destroy(), 20);
      }) as RequestListener,
    ],
    [
      'with endless headers',
      ((_, response) =>
        void response
          .writeHead(200, { 'content-type': 'application/json', 'x-long': 'a'.repeat(20_000) })
          .end('{}')) as RequestListener,
    ],
  ])('%s is refused', async (_, listener) => {
    answer = listener;
    await expect(fetched()).rejects.toMatchObject(failed);
  });

  it('is read up to the allowed size and no further', async () => {
    answer = json(`"${'a'.repeat(998)}"`);
    await expect(fetched({ maxBytes: 1_000 })).resolves.toHaveLength(998);
    await expect(fetched({ maxBytes: 999 })).rejects.toMatchObject(failed);
  });

  it('that never ends is aborted', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(drip));
    };
    await expect(fetched({ timeoutMs: 200 })).rejects.toMatchObject(failed);
  });

  it('of a silent server, or of a name that is never resolved, is given up', async () => {
    answer = () => undefined;
    await expect(fetched({ timeoutMs: 150 })).rejects.toMatchObject(failed);
    const outbound = open({ resolve: () => undefined });
    const unresolved = outbound.getJson('https://partner.example/', { timeoutMs: 150 });
    // Without a limit of its own, a connection attempt takes ten seconds to fail.
    await expect(Promise.race([unresolved, sleep(9_000)])).rejects.toMatchObject(failed);
  });

  it('is not fetched from the target of a redirect', async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      answer = (request, response) => {
        if (request.url === '/elsewhere') json('{}')(request, response);
        else response.writeHead(status, { location: '/elsewhere', 'content-type': 'application/json' }).end('{}');
      };
      await expect(fetched()).rejects.toMatchObject(failed);
    }
    expect(received.some(({ url }) => url === '/elsewhere')).toBe(false);
  });

  it('is not fetched from a server whose certificate is of an unknown authority, or for another name', async () => {
    const port = await serve();
    const url = `https://partner.example:${port}/`;
    await expect(
      open({ resolve: partner, authorities: createTestAuthority({ name: 'x' }).certificatePem }).getJson(url),
    ).rejects.toMatchObject(failed);
    const other = names({ 'other.example': [['127.0.0.1']] });
    await expect(open({ resolve: other }).getJson(`https://other.example:${port}/`)).rejects.toMatchObject(failed);
    expect(received).toEqual([]);
  });

  it('is fetched directly, regardless of proxies in the environment', async () => {
    const proxied = await serve('http');
    for (const name of ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY']) vi.stubEnv(name, `http://127.0.0.1:${proxied}`);
    try {
      await expect(fetched()).resolves.toEqual({ keys: [] });
      expect(received).toHaveLength(1);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('of an unknown name, or at a port without a listener, is unavailable', async () => {
    await expect(open({ resolve: partner }).getJson('https://nobody.example/')).rejects.toMatchObject(failed);
    await expect(open({ resolve: partner }).getJson('https://partner.example:1/')).rejects.toMatchObject(failed);
  });
});

describe('a message', () => {
  it('is posted, and only its status is read', async () => {
    answer = (_, response) => {
      response.writeHead(204).end();
    };
    const port = await serve();
    const outbound = open({ resolve: partner });
    const url = `https://partner.example:${port}/ping`;
    await expect(outbound.post(url, { ...hello, authorization: 'Bearer once' })).resolves.toEqual({ status: 204 });
    await expect(
      outbound.post(url, { contentType: 'application/x-www-form-urlencoded', body: 'logout_token=e30' }),
    ).resolves.toEqual({ status: 204 });
    expect(received).toMatchObject([
      {
        method: 'POST',
        body: hello.body,
        headers: { 'content-type': 'application/json', authorization: 'Bearer once' },
      },
      { body: 'logout_token=e30', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    ]);
    expect(received[1]?.headers).not.toHaveProperty('authorization');
  });

  it('that is a security event accepts errors in JSON, as in RFC 8935', async () => {
    answer = (_, response) => void response.writeHead(202).end();
    const url = `https://partner.example:${await serve()}/events`;
    await open({ resolve: partner }).post(url, { contentType: 'application/secevent+jwt', body: 'e30.e30.AA' });
    expect(received).toMatchObject([
      { body: 'e30.e30.AA', headers: { 'content-type': 'application/secevent+jwt', accept: 'application/json' } },
    ]);
  });

  it('carries its signature, and no other given header', async () => {
    const port = await serve();
    const outbound = open({ resolve: partner });
    const url = `https://partner.example:${port}/hooks`;
    const signature = { 'content-digest': 'sha-256=:YQ==:', 'signature-input': 'a=("@method")', signature: 'a=:YQ==:' };
    const others = {
      ...{ 'content-type': 'text/html', 'Content-Type': 'text/html', 'content-length': '1' },
      ...{ authorization: 'Bearer forged', AUTHORIZATION: 'Bearer forged', cookie: 'session=1' },
      ...{ host: 'internal.example', Host: 'internal.example', 'accept-encoding': 'gzip' },
      ...{ 'transfer-encoding': 'chunked', connection: 'upgrade', upgrade: 'h2c' },
    };
    const message = { contentType: 'application/cloudevents+json', body: '{"id":"1"}' } as const;
    await outbound.post(url, { ...message, headers: signature });
    await outbound.post(url, { ...message, headers: { ...signature, ...others } });
    await outbound.post(url, { ...message, headers: { ...signature, ...others }, authorization: 'Bearer once' });
    expect(received[0]?.headers).toMatchObject({
      ...signature,
      host: `partner.example:${port}`,
      'content-type': 'application/cloudevents+json',
      'content-length': '10',
      'accept-encoding': 'identity',
    });
    expect(received[0]?.headers).not.toHaveProperty('authorization');
    expect(received[1]).toEqual(received[0]);
    expect(received[2]?.headers).toEqual({ ...received[0]?.headers, authorization: 'Bearer once' });
  });

  it('with a line break in its signature is not sent', async () => {
    const url = `https://partner.example:${await serve()}/hooks`;
    const headers = { signature: 'a\r\nhost: internal.example' };
    await expect(open({ resolve: partner }).post(url, { ...hello, headers })).rejects.toMatchObject(failed);
    expect(received).toEqual([]);
  });

  it('returns the status of a refusal as well, and does not wait for an endless response', async () => {
    const outbound = open({ resolve: partner });
    const url = `https://partner.example:${await serve()}/ping`;
    for (const status of [400, 404, 500]) {
      answer = (_, response) => {
        response.writeHead(status);
        const drip = setInterval(() => response.write('x'.repeat(10_000)), 5);
        response.on('close', () => clearInterval(drip));
      };
      await expect(outbound.post(url, hello)).resolves.toEqual({ status });
    }
  });

  it('does not follow a redirect, which would send its credential elsewhere', async () => {
    answer = (_, response) => void response.writeHead(307, { location: '/elsewhere' }).end();
    const url = `https://partner.example:${await serve()}/ping`;
    await expect(
      open({ resolve: partner }).post(url, { ...hello, authorization: 'Bearer once' }),
    ).rejects.toMatchObject(failed);
    expect(received).toHaveLength(1);
  });
});
