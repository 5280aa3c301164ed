import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { codeOf } from '../code-of.ts';
import { freePort } from '../free-port.ts';
import { suiteOf, type UnderTest } from './suite.ts';

interface Received {
  readonly method: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A third-party server; the path determines its response. */
async function startServer() {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      received.push({ method: request.method, headers: request.headers, body: Buffer.concat(parts).toString() });
      answer(request.url ?? '', response);
    });
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    received,
    address: `http://127.0.0.1:${port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(path: string, response: ServerResponse): void {
  const json = { 'content-type': 'application/json' };
  if (path === '/json') response.writeHead(200, json).end('{"keys":[]}');
  else if (path === '/text') response.writeHead(200, { 'content-type': 'text/plain' }).end('no JSON');
  else if (path === '/long') response.writeHead(200, json).end(JSON.stringify({ text: 'x'.repeat(2_000) }));
  else if (path === '/refusal') response.writeHead(400, json).end('{"error":"invalid_grant"}');
  else if (path === '/elsewhere') response.writeHead(302, { location: '/json' }).end();
  else if (path !== '/silent') response.writeHead(404).end();
}

function withServer() {
  let server: Awaited<ReturnType<typeof startServer>> | undefined;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.stop());
  return () => {
    if (server === undefined) throw new Error('no server');
    return server;
  };
}
const limits = { timeoutMs: 5_000, maxBytes: 1_000 };
const nowhere = 'ftp://partner.example/';

export type OutboundUnderTest = UnderTest<'outbound'>;

/** Requests to URLs from third parties. Over plain http, as in development. */
export const describeOutbound = suiteOf<'outbound', OutboundUnderTest>('outbound', {
  getJson(made) {
    const server = withServer();

    it('reads a JSON document', async () => {
      expect(await made().contract.getJson(`${server().address}/json`, limits)).toEqual({ keys: [] });
    });

    it('fails without one: another status, no JSON, a redirect, an oversized or missing response, or a time-out', async () => {
      for (const path of ['/missing', '/text', '/elsewhere', '/long'])
        expect(await codeOf(made().contract.getJson(`${server().address}${path}`, limits)), path).toBe(
          'outbound_failed',
        );
      expect(await codeOf(made().contract.getJson(`http://127.0.0.1:${await freePort()}/`, limits))).toBe(
        'outbound_failed',
      );
      const soon = { ...limits, timeoutMs: 50 };
      expect(await codeOf(made().contract.getJson(`${server().address}/silent`, soon))).toBe('outbound_failed');
    });

    it('refuses an address that is not http or https', async () => {
      expect(await codeOf(made().contract.getJson(nowhere, limits))).toBe('outbound_address_refused');
    });
  },

  post(made) {
    const server = withServer();
    const message = { contentType: 'application/json', body: '{"a":1}', timeoutMs: 5_000 } as const;

    it('sends the body with its type, its authorization and its signature, and returns the status', async () => {
      const headers = { signature: 'sig=:AA==:' };
      const { status } = await made().contract.post(`${server().address}/refusal`, {
        ...message,
        ...{ headers, authorization: 'Bearer one' },
      });
      expect(status).toBe(400);
      expect(server().received.at(-1)).toMatchObject({
        method: 'POST',
        body: '{"a":1}',
        headers: { 'content-type': 'application/json', authorization: 'Bearer one', signature: 'sig=:AA==:' },
      });
    });

    it('fails on a redirect, without a server, and after a time-out', async () => {
      const { contract } = made();
      expect(await codeOf(contract.post(`${server().address}/elsewhere`, message))).toBe('outbound_failed');
      expect(await codeOf(contract.post(`http://127.0.0.1:${await freePort()}/`, message))).toBe('outbound_failed');
      expect(await codeOf(contract.post(`${server().address}/silent`, { ...message, timeoutMs: 50 }))).toBe(
        'outbound_failed',
      );
    });

    it('refuses an address that is not http or https', async () => {
      expect(await codeOf(made().contract.post(nowhere, message))).toBe('outbound_address_refused');
    });
  },

  postForm(made) {
    const server = withServer();

    it('sends a form, and reads the response with any status', async () => {
      const form = { grant_type: 'authorization_code', code: 'a b&c' };
      expect(await made().contract.postForm(`${server().address}/refusal`, form, limits)).toEqual({
        status: 400,
        body: { error: 'invalid_grant' },
      });
      const { body, headers } = server().received.at(-1) ?? {};
      expect(Object.fromEntries(new URLSearchParams(body))).toEqual(form);
      expect(headers?.['content-type']).toMatch(/^application\/x-www-form-urlencoded/);
    });

    it('fails without JSON, on a redirect, and on an oversized response', async () => {
      for (const path of ['/text', '/elsewhere', '/long'])
        expect(await codeOf(made().contract.postForm(`${server().address}${path}`, {}, limits)), path).toBe(
          'outbound_failed',
        );
    });

    it('refuses an address that is not http or https', async () => {
      expect(await codeOf(made().contract.postForm(nowhere, {}, limits))).toBe('outbound_address_refused');
    });
  },
});

export type ConfiguredRequestsUnderTest = UnderTest<'configured-requests'>;

/** Requests to addresses that the operator has configured. */
export const describeConfiguredRequests = suiteOf<'configured-requests', ConfiguredRequestsUnderTest>(
  'configured-requests',
  {
    exchangeFor(made) {
      const server = withServer();
      const message = { contentType: 'application/timestamp-query', body: Buffer.from([0, 255, 10]), ...limits };

      it('sends bytes, and reads the whole response with any status', async () => {
        const answered = await made().contract.exchangeFor(null, `${server().address}/refusal`, message);
        expect(answered).toMatchObject({ status: 400, contentType: 'application/json' });
        expect(Buffer.from(answered.body).toString()).toBe('{"error":"invalid_grant"}');
        expect(server().received.at(-1)?.headers).toMatchObject({
          'content-type': 'application/timestamp-query',
          'content-length': '3',
        });
      });

      it('does not follow a redirect', async () => {
        const before = server().received.length;
        expect(await made().contract.exchangeFor(null, `${server().address}/elsewhere`, message)).toMatchObject({
          status: 302,
        });
        expect(server().received).toHaveLength(before + 1);
      });

      it('fails on an oversized response, and after a time-out', async () => {
        const { contract } = made();
        expect(await codeOf(contract.exchangeFor(null, `${server().address}/long`, message))).toBe('outbound_failed');
        const soon = { ...message, timeoutMs: 50 };
        expect(await codeOf(contract.exchangeFor(null, `${server().address}/silent`, soon))).toBe('outbound_failed');
      });

      it('refuses plain http beyond this machine, and an address that is not http or https', async () => {
        for (const url of ['http://authority.example/', nowhere])
          expect(await codeOf(made().contract.exchangeFor(null, url, message))).toBe('outbound_address_refused');
      });
    },

    getFor(made) {
      const server = withServer();

      it('reads a document as bytes', async () => {
        const body = await made().contract.getFor(null, `${server().address}/text`, limits);
        expect(Buffer.from(body).toString()).toBe('no JSON');
      });

      it('fails on any other status, on a redirect, and on an oversized response', async () => {
        for (const path of ['/refusal', '/elsewhere', '/long'])
          expect(await codeOf(made().contract.getFor(null, `${server().address}${path}`, limits)), path).toBe(
            'outbound_failed',
          );
      });

      it('refuses plain http beyond this machine', async () => {
        expect(await codeOf(made().contract.getFor(null, 'http://authority.example/', limits))).toBe(
          'outbound_address_refused',
        );
      });
    },
  },
);
