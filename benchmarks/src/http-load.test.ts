import { createServer, type RequestListener } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { createAnswerReader, headersOf, openConnection } from './http-connection.ts';
import { tokenComplaint } from './http-contender.ts';
import { performAll, sendAll } from './http-load.ts';
import { closeServer, listenOnLoopback } from './servers/loopback.ts';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  stops.push(() => closeServer(server));
  return listenOnLoopback(server);
}

const token = JSON.stringify({ access_token: 'a.b.c', token_type: 'DPoP' });
const requests = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, index) => Buffer.from(`GET /${index} HTTP/1.1\r\nhost: x\r\n\r\n`));
const load = (url: string, count: number) => ({
  name: 'it',
  url,
  requests: requests(count),
  connections: 4,
  complaint: tokenComplaint,
});

describe('the load generator', () => {
  it('sends every request once and measures each', async () => {
    const seen: string[] = [];
    const url = await serve((request, response) => {
      seen.push(request.url ?? '');
      response.setHeader('content-length', token.length).end(token);
    });
    const { latenciesMs, seconds } = await sendAll(load(url, 50));
    expect(seen.sort()).toEqual(Array.from({ length: 50 }, (_, index) => `/${index}`).sort());
    expect(latenciesMs).toHaveLength(50);
    expect(latenciesMs.every((latency) => latency > 0 && latency <= seconds * 1000)).toBe(true);
  });

  it('keeps one request in progress on each connection', async () => {
    let most = 0;
    const held: (() => void)[] = [];
    const url = await serve((_request, response) => {
      held.push(() => response.setHeader('content-length', token.length).end(token));
      most = Math.max(most, held.length);
      // No request is answered before all four connections have sent one.
      if (held.length === 4) for (const answer of held.splice(0)) answer();
    });
    await sendAll(load(url, 40));
    expect(most).toBe(4);
  });

  it.each([
    [
      'a refusal, saying why',
      400,
      '{"error":"invalid_client"}',
      'answered 400, which is not a token: {"error":"invalid_client"}',
    ],
    ['a bearer token', 200, '{"access_token":"secret","token_type":"Bearer"}', 'without a DPoP-bound access token'],
    ['text', 200, 'hello', 'without a DPoP-bound access token'],
  ])('stops at %s', async (_, status, body, said) => {
    let answered = 0;
    const url = await serve((_request, response) => {
      const [code, text] = ++answered < 3 ? [200, token] : [status, body];
      response.writeHead(code, { 'content-length': text.length }).end(text);
    });
    const failure = await sendAll(load(url, 20)).then(
      () => 'done',
      (error: unknown) => String(error),
    );
    expect(failure).toContain(said);
    // A wrong success may hold a token, which must not reach the terminal.
    expect(failure).not.toContain('secret');
  });

  it('stops if a connection is closed, and if no server listens', async () => {
    const url = await serve((request) => request.socket.destroy());
    await expect(sendAll(load(url, 4))).rejects.toThrow(/closed|ECONNRESET/);
    await stops.pop()?.();
    await expect(sendAll(load(url, 4))).rejects.toThrow('ECONNREFUSED');
  });
});

describe('work that takes several requests', () => {
  const get = (path: string) => Buffer.from(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);

  it('is done once per item, with one item in progress on each connection', async () => {
    let underWay = 0;
    let most = 0;
    const url = await serve((request, response) => response.setHeader('content-length', 1).end(request.url?.[1]));
    const said: string[] = [];
    const { latenciesMs } = await performAll({
      name: 'it',
      url,
      connections: 3,
      items: ['a', 'b', 'c', 'd', 'e', 'f', 'g'],
      async perform(item, connection) {
        most = Math.max(most, ++underWay);
        const first = await connection.ask(get(`/${item}`));
        const second = await connection.ask(get(`/${first.body}`));
        underWay -= 1;
        said.push(second.body);
      },
    });
    expect(said.sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    expect(latenciesMs).toHaveLength(7);
    expect(most).toBe(3);
  });

  it('ends at the first error, and if a connection is closed', async () => {
    const url = await serve((_request, response) => response.setHeader('content-length', 0).end());
    const perform = async (): Promise<void> => {
      throw new Error('not this');
    };
    await expect(performAll({ name: 'it', url, connections: 2, items: [1, 2, 3], perform })).rejects.toThrow(
      'not this',
    );
    const closing = await serve((request) => request.socket.destroy());
    const connection = await openConnection('it', closing);
    await expect(connection.ask(get('/'))).rejects.toThrow(/closed|ECONNRESET/);
    await expect(connection.ask(get('/'))).rejects.toThrow(/closed|ECONNRESET/);
  });
});

describe('the response parser', () => {
  const answer = `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhällo`.replace('5', '6');

  it('reads a response split anywhere, and keeps the bytes after it', () => {
    const bytes = Buffer.from(answer + answer);
    for (let cut = 1; cut < bytes.length / 2; cut++) {
      const reader = createAnswerReader();
      expect(reader.push(bytes.subarray(0, cut))).toBeUndefined();
      expect(reader.push(bytes.subarray(cut, bytes.length - cut))).toMatchObject({ status: 200, body: 'hällo' });
      expect(reader.push(bytes.subarray(bytes.length - cut))).toMatchObject({ status: 200, body: 'hällo' });
    }
  });

  it('finds headers by name in any case, including repeated ones', () => {
    const given =
      'HTTP/1.1 303 See Other\r\nSet-Cookie: a=1\r\nlocation: /x\r\nset-cookie: b=2\r\nContent-Length: 0\r\n\r\n';
    const read = createAnswerReader().push(Buffer.from(given));
    expect(read && headersOf(read, 'set-cookie')).toEqual(['a=1', 'b=2']);
    expect(read && headersOf(read, 'Location')).toEqual(['/x']);
  });

  it('refuses a response without a length', () => {
    const chunked = Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n');
    expect(() => createAnswerReader().push(chunked)).toThrow('content-length');
  });
});
