import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { systemClock } from '@countersign/kernel';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { createProcessRig, type ProcessRig, serving } from '@countersign/testkit';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { passOn } from './pass-on.ts';
import type { PeerOptions } from './peer.ts';

const logger = createLogger({ level: 'silent', name: 'test' });

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly string[];
  readonly body: string;
}

let rig: ProcessRig;
let seen: Seen[];
const fronts: FastifyInstance[] = [];
beforeEach(() => {
  rig = createProcessRig();
  seen = [];
});
afterEach(async () => {
  for (const app of fronts.splice(0)) {
    app.server.closeAllConnections();
    await app.close();
  }
  await rig.stop();
});

const serveDoors = (mount: (app: FastifyInstance) => void): Promise<string> => rig.serve('core', { mount });

/** A process that responds with the request it received. */
const mirror = (): Promise<string> =>
  serveDoors((app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
    app.all('/*', async ({ raw, body }, reply) => {
      const text = typeof body === 'string' ? body : '';
      seen.push({ method: raw.method ?? '', url: raw.url ?? '', headers: raw.rawHeaders, body: text });
      return reply.status(201).header('x-answer', ['one', 'two']).send({ seen: seen.length });
    });
  });

/** Serves clients and forwards `/directory`. */
async function front(addresses: readonly string[], options: Partial<PeerOptions> = {}) {
  const peer = rig.connect({ name: 'core', addresses, ...options });
  const app = createHttpServer({ logger, metrics: createMetrics(), clock: systemClock });
  passOn(app, { peer, paths: ['/directory'] }, 'HTTP');
  fronts.push(app);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return { peer, url };
}

/** Writes bytes on its own connection. @returns everything received until the other side closes */
async function exchange(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect(Number(port), hostname);
  socket.write(text);
  let answer = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    answer += chunk;
  });
  await once(socket, 'close');
  return answer;
}

const request = (line: string, headers: readonly string[] = [], body = ''): string =>
  [`${line} HTTP/1.1`, 'Host: edge.example', 'Connection: close', ...headers, '', body].join('\r\n');

const valuesOf = (name: string): readonly string[] => {
  const headers = seen.at(-1)?.headers ?? [];
  return headers.filter((_, index) => index % 2 === 1 && headers[index - 1]?.toLowerCase() === name);
};

describe('a forwarded request', () => {
  it('arrives unchanged: method, path, query, host, duplicate headers, and the unread body', async () => {
    const { url } = await front([await mirror()]);
    const body = '{"a": 1, "a": 2';
    const answer = await exchange(
      url,
      request(
        'PATCH /directory/a%2Fb//c?x=1&x=%7e',
        ['DPoP: first', 'dpop: second', 'Content-Type: application/json', `Content-Length: ${body.length}`],
        body,
      ),
    );
    expect(answer).toMatch(/^HTTP\/1.1 201 /);
    expect(answer.match(/x-answer: /g)).toHaveLength(2);
    expect(seen).toMatchObject([{ method: 'PATCH', url: '/directory/a%2Fb//c?x=1&x=%7e', body }]);
    expect(valuesOf('dpop')).toEqual(['first', 'second']);
    expect(valuesOf('host')).toEqual(['edge.example']);
  });

  it('states the caller as seen by this process, without the client’s own claims about it', async () => {
    const { url } = await front([await mirror()]);
    await exchange(
      url,
      request('GET /directory', [
        'X-Countersign-Listener: mutual TLS',
        'x-countersign-listener: other',
        'X-Countersign-Chain-Verified: yes',
        'X-Forwarded-For: 10.0.0.1',
        'Forwarded: for=10.0.0.1',
        'X-Real-IP: 10.0.0.1',
      ]),
    );
    expect(valuesOf('x-countersign-listener')).toEqual(['HTTP']);
    expect(valuesOf('x-forwarded-for')).toEqual(['127.0.0.1']);
    for (const name of ['x-countersign-chain-verified', 'forwarded', 'x-real-ip', 'client-cert'])
      expect(valuesOf(name), name).toEqual([]);
  });

  it('is refused here if it claims a client certificate', async () => {
    const { url } = await front([await mirror()]);
    const answer = await exchange(url, request('GET /directory', ['Client-Cert: :AAAA:']));
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(seen).toEqual([]);
  });

  it.each([
    ['with the whole address as its target', 'GET http://elsewhere.example/directory/x?y', '/directory/x?y'],
    ['with a query that is no UTF-8', 'GET /directory/x?y=%zz', '/directory/x?y=%zz'],
    ['with dots in its query', 'GET /directory/x?y=/../z', '/directory/x?y=/../z'],
    ['with dots in its path, which stay', 'GET /directory/../calls/x', '/directory/../calls/x'],
    ['with encoded dots in its path, which stay', 'GET /directory/%2e%2e/calls/x', '/directory/%2e%2e/calls/x'],
  ])('%s is forwarded by its path', async (_, line, path) => {
    const { url } = await front([await mirror()]);
    expect(await exchange(url, request(line))).toMatch(/^HTTP\/1.1 201 /);
    expect(seen.at(-1)?.url).toBe(path);
  });

  it('that expects 100-continue, or has a meaningless body, is answered', async () => {
    const { url } = await front([await mirror()]);
    const waiting = request(
      'POST /directory',
      ['Expect: 100-continue', 'Content-Type: text/plain', 'Content-Length: 2'],
      'ok',
    );
    expect(await exchange(url, waiting)).toMatch(/HTTP\/1.1 201 /);
    expect(seen.at(-1)?.body).toBe('ok');
    expect(await exchange(url, request('GET /directory', ['Content-Length: 2'], 'no'))).toMatch(/^HTTP\/1.1 201 /);
    const chunked = request(
      'POST /directory',
      ['Transfer-Encoding: chunked', 'Content-Type: text/plain'],
      '2\r\nok\r\n0\r\n\r\n',
    );
    expect(await exchange(url, chunked)).toMatch(/^HTTP\/1.1 201 /);
    expect(seen.at(-1)?.body).toBe('ok');
  });
});

describe('a process that does not answer forwarded requests', () => {
  const problem = {
    type: 'urn:countersign:error:peer_unavailable',
    status: 503,
    code: 'peer_unavailable',
    detail: 'The core process does not answer; nothing was released.',
  };

  it('causes a problem document that says so if it is gone', async () => {
    const gone = await mirror();
    await rig.stop();
    const { url } = await front([gone]);
    for (const init of [{}, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }]) {
      const answer = await fetch(`${url}/directory/x`, init);
      expect(answer.status).toBe(503);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.headers.get('retry-after')).toBe('1');
      expect(await answer.json()).toMatchObject(problem);
    }
  });

  it('causes the same after a timeout if it hangs', async () => {
    const still = await serveDoors((app) => void app.all('/*', () => new Promise<never>(() => undefined)));
    const { url } = await front([still], { answerBeginsMs: 300 });
    const answers = await Promise.all([1, 2, 3].map(() => fetch(`${url}/directory`)));
    for (const answer of answers) expect(await answer.json()).toMatchObject(problem);
  });

  it('is skipped if another node answers', async () => {
    const gone = await mirror();
    await rig.stop();
    const { url } = await front([gone, await mirror()]);
    for (let time = 0; time < 4; time++) expect((await fetch(`${url}/directory`)).status).toBe(201);
  });
});

it('streams that stay open leave room for calls, and end with their readers', async () => {
  const open = new Set<object>();
  const address = await rig.serve('core', {
    ...serving({ 'devices-departure': { end: async () => ({ ended: 1 }) } }),
    mount: (app) =>
      void app.get('/directory', (_request, reply) => {
        reply.hijack();
        open.add(reply.raw);
        reply.raw.once('close', () => open.delete(reply.raw));
        reply.raw.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: one\n\n');
      }),
  });
  const { url, peer } = await front([address], { connections: 2 });
  const readers = Array.from({ length: 8 }, () => new AbortController());
  const streams = await Promise.all(readers.map(({ signal }) => fetch(`${url}/directory`, { signal })));
  expect(streams.map(({ status }) => status)).toEqual(readers.map(() => 200));
  const body = JSON.stringify([
    {
      principal: 'person:anna',
      kind: 'leave',
      at: '2026-07-01T00:00:00Z',
      by: { id: 'service:directory', institution: '529900T8BM49AURSDO55' },
      reason: 'A test',
    },
  ]);
  const asked = { contract: 'devices-departure', method: 'end', body, timeoutMs: 5_000, repeatable: true };
  await expect(peer.call(asked)).resolves.toBe('{"ended":1}');
  for (const reader of readers) reader.abort();
  await vi.waitFor(() => expect(open.size).toBe(0), { timeout: 20_000, interval: 20 });
});
