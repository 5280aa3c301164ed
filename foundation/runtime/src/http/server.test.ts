import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import pino from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createMetrics } from '../observability/index.ts';
import { createHttpServer } from './server.ts';

let app: FastifyInstance;
let port: number;
const logged: { readonly level: number; readonly msg: string }[] = [];
const sink = new Writable({
  write(line, _encoding, done) {
    logged.push(JSON.parse(String(line)));
    done();
  },
});

beforeAll(async () => {
  app = createHttpServer({ logger: pino({ level: 'debug' }, sink), metrics: createMetrics() });
  app.post('/echo', async (request) => request.body);
  app.route({ method: 'QUERY', url: '/echo', handler: async (request) => request.body });
  app.get('/item/:id', async () => 'ok');
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
});
afterAll(() => app.close());
beforeEach(() => {
  logged.length = 0;
});

async function receivedFrom(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (data) => {
    text += String(data);
  });
  socket.on('error', () => undefined);
  await once(socket, 'close');
  return text;
}

async function ask(text: string): Promise<{ status: number; type: string; code: unknown }> {
  const socket = connect(port, '127.0.0.1');
  const answer = receivedFrom(socket);
  socket.write(text);
  const [head = '', body = ''] = (await answer).split('\r\n\r\n');
  const type = /^content-type: (.*)$/im.exec(head)?.[1] ?? '';
  return { status: Number(head.split(' ')[1]), type, code: JSON.parse(body).code };
}

const post = (body: string | Buffer, type = 'application/json') =>
  app.inject({ method: 'POST', url: '/echo', headers: { 'content-type': type }, payload: body });

describe('an unreadable request is answered with a problem document', () => {
  const headers = 'host: a\r\nconnection: close\r\n';
  it.each([
    ['with a bad path', `GET /%ff HTTP/1.1\r\n${headers}\r\n`, 400, 'url_malformed'],
    [
      'with a parameter that is too long',
      `GET /item/${'x'.repeat(600)} HTTP/1.1\r\n${headers}\r\n`,
      400,
      'url_malformed',
    ],
    ['with too many headers', `GET / HTTP/1.1\r\n${headers}x: ${'y'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
    ['that is no HTTP', `${'\x16\x03\x01'}\r\n\r\n`, 400, 'request_malformed'],
    [
      'with QUERY and no content type',
      `QUERY /echo HTTP/1.1\r\n${headers}content-length: 2\r\n\r\n{}`,
      400,
      'request_invalid',
    ],
    [
      'with QUERY that nobody serves',
      `QUERY /other HTTP/1.1\r\n${headers}content-type: application/json\r\ncontent-length: 2\r\n\r\n{}`,
      404,
      'route_not_found',
    ],
  ])('%s', async (_what, text, status, code) => {
    expect(await ask(text)).toEqual({ status, type: expect.stringContaining('application/problem+json'), code });
    expect(logged.filter(({ level }) => level > 30)).toEqual([]);
  });
});

describe('a body of JSON', () => {
  it.each([
    ['with a member twice', '{"a":1,"a":2}'],
    ['with a member twice, spelt otherwise', '{"a":1,"\\u0061":2}'],
    ['that changes what an object inherits', '{"a":{"__proto__":{}}}'],
    ['that does so by escapes', '{"\\u005f_proto__":{}}'],
    ['that does so by its constructor', '{"constructor":{"prototype":{}}}'],
    ['that is cut off', '{"a":'],
    ['that is nested too deep', `${'['.repeat(65)}${']'.repeat(65)}`],
    ['that is not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
  ])('is refused %s', async (_what, body) => {
    const { statusCode, headers, json } = await post(body);
    expect([statusCode, headers['content-type'], json().code]).toEqual([
      400,
      expect.stringContaining('application/problem+json'),
      'body_not_json',
    ]);
  });

  it('is refused if it is missing, and otherwise read unchanged', async () => {
    expect((await post('')).json().code).toBe('body_missing');
    expect((await post('{"a":[1,"é",{"constructor":"x"}]}')).json()).toEqual({ a: [1, 'é', { constructor: 'x' }] });
  });
});

describe('a client that is slow or disconnects', () => {
  it('has less time for its headers than for its request', () => {
    expect(app.server.headersTimeout).toBeLessThanOrEqual(app.server.requestTimeout);
    expect(app.server).toMatchObject({ headersTimeout: 10_000, requestTimeout: 15_000 });
  });

  it('receives an error if its body does not arrive, and is disconnected', { timeout: 30_000 }, async () => {
    const began = performance.now();
    const socket = connect(port, '127.0.0.1');
    const answer = receivedFrom(socket);
    socket.write('POST /echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{');
    const trickle = setInterval(() => socket.writable && socket.write(' '), 4_000);
    expect(await answer).toMatch(/^HTTP\/1\.1 408 .*"code":"request_timeout"/s);
    clearInterval(trickle);
    process.stdout.write(`a slow body was let go after ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
    expect(logged.filter(({ level }) => level > 30)).toEqual([]);
  });

  it('leaves no error and no stack in the log if it disconnects within a body', async () => {
    const socket = connect(port, '127.0.0.1');
    const answer = receivedFrom(socket);
    socket.write('POST /echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{');
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.destroy();
    await answer;
    while (logged.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(logged).toEqual([expect.objectContaining({ level: 20, msg: 'the client went away' })]);
  });
});
