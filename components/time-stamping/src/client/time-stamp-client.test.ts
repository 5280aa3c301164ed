import type { ServerResponse } from 'node:http';
import type { TimeStamper } from '@countersign/contracts';
import { createConfiguredExchange } from '@countersign/federation-gateway';
import { sha256, systemRandom } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { type FixedClock, fixedClock } from '@countersign/testkit';
import {
  encodeGrantedResponse,
  encodeRejectedResponse,
  encodeTimeStampRequest,
  verifyTimeStampToken,
} from '@countersign/x509';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultPolicy, type RunningTimeStamping } from '../index.ts';
import { serveOnLoopback, type TestServer } from '../testing/loopback-server.ts';
import { createTimeStampingWorld, type TimeStampingWorld } from '../testing/time-stamping-world.ts';
import { createTimeStampClient } from './time-stamp-client.ts';
import { createTimeStampExchange, type TimeStampExchange } from './time-stamp-exchange.ts';

const digest = sha256('a checkpoint');

/** Another authority with its own log and keys. */
let elsewhere: TimeStampingWorld;
let authority: RunningTimeStamping;
let certificates: readonly Uint8Array[];
const servers: TestServer[] = [];
beforeEach(async () => {
  elsewhere = await createTimeStampingWorld();
  authority = elsewhere.node({ clockQuality: () => ({ reading: exact, withinBudget: true }) });
  certificates = await authority.certificates.all();
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  await elsewhere.close();
});
const { exchange, stop } = createConfiguredExchange({ logger: createLogger({ level: 'silent', name: 'test' }) });
afterAll(() => stop());
const exact = { measured: true, offsetUs: 0, uncertaintyUs: 500 } as const;

async function serve(...parameters: Parameters<typeof serveOnLoopback>): Promise<string> {
  const server = await serveOnLoopback(...parameters);
  servers.push(server);
  return server.url;
}

function client(
  exchange: TimeStampExchange,
  changes: { clock?: FixedClock; policies?: readonly string[] } = {},
): TimeStamper {
  return createTimeStampClient({
    exchange,
    trusted: { certificates },
    clock: elsewhere.clock,
    random: systemRandom,
    ...changes,
  });
}
const answering = (request: Uint8Array) => authority.authority.answer(request, {});

describe('a client of an authority', () => {
  it('has a digest stamped over HTTP, and returns the content of the token', async () => {
    const app = await elsewhere.serve(authority);
    await app.listen({ port: 0, host: '127.0.0.1' });
    const url = `${app.listeningOrigin}/timestamps`;
    const stamp = await client(createTimeStampExchange({ url, exchange })).stamp(digest);
    expect(stamp).toMatchObject({ policy: defaultPolicy, accuracyMs: 1.5 });
    expect(Date.parse(stamp.time)).toBe(elsewhere.clock.now());
    expect(verifyTimeStampToken({ token: stamp.token, digest, trusted: { certificates } })).toMatchObject({ ok: true });
  });

  it('uses a new nonce each time, and requests the certificate', async () => {
    const asked: string[] = [];
    const one = client((request) => {
      asked.push(Buffer.from(request).toString('hex'));
      return answering(request);
    });
    await one.stamp(digest);
    await one.stamp(digest);
    expect(new Set(asked).size).toBe(2);
    for (const request of asked) expect(request.endsWith('0101ff')).toBe(true);
  });

  it('reports a refusal in the words of the authority', async () => {
    const no = encodeRejectedResponse('timeNotAvailable', 'The clock is being set.');
    await expect(client(async () => no).stamp(digest)).rejects.toMatchObject({
      code: 'timestamp_refused',
      detail: 'The time-stamping authority refused (status 2; timeNotAvailable: The clock is being set.).',
    });
  });

  it('refuses a token for another request, also of the same digest', async () => {
    const old = await answering(
      encodeTimeStampRequest({ imprint: { hash: 'sha256', digest }, nonce: 5n, certificateWanted: true }),
    );
    await expect(client(async () => old).stamp(digest)).rejects.toMatchObject({ code: 'timestamp_invalid' });
  });

  it('refuses a token over another digest', async () => {
    await expect(
      client(async () => {
        const token = await authority.timeStamper.stamp(sha256('another'));
        return encodeGrantedResponse(token.token);
      }).stamp(digest),
    ).rejects.toMatchObject({ code: 'timestamp_invalid' });
  });

  it('refuses a token of an authority that it does not trust', async () => {
    const stranger = await createTimeStampingWorld();
    try {
      const node = stranger.node();
      const exchange: TimeStampExchange = (request) => node.authority.answer(request, {});
      await expect(client(exchange).stamp(digest)).rejects.toMatchObject({
        code: 'timestamp_invalid',
        detail: expect.stringContaining('timestamp_authority_untrusted'),
      });
    } finally {
      await stranger.close();
    }
  });

  it('refuses a token under a policy that it did not request', async () => {
    await expect(client(answering, { policies: ['1.2.3'] }).stamp(digest)).rejects.toMatchObject({
      code: 'timestamp_invalid',
    });
  });

  it('refuses a token whose time is far from its own', async () => {
    const within = fixedClock(elsewhere.clock.now() + 59_000);
    await expect(client(answering, { clock: within }).stamp(digest)).resolves.toBeDefined();
    for (const off of [-62_000, 62_000]) {
      const clock = fixedClock(elsewhere.clock.now() + off);
      await expect(client(answering, { clock }).stamp(digest)).rejects.toMatchObject({
        code: 'timestamp_invalid',
        detail: 'The time stamp cannot be used. Its time is 62 s from ours.',
      });
    }
  });

  it('refuses anything that is not a response', async () => {
    await expect(client(async () => Buffer.from('<html>')).stamp(digest)).rejects.toMatchObject({
      code: 'timestamp_invalid',
    });
  });
});

describe('an authority that', () => {
  const reply = { 'content-type': 'application/timestamp-reply' };
  const asking = (url: string, timeoutMs?: number) =>
    createTimeStampExchange({ url, exchange, ...(timeoutMs === undefined ? {} : { timeoutMs }) })(
      Buffer.from('request'),
    );

  it.each<[string, Parameters<typeof serveOnLoopback>[0]]>([
    ['with an error', (_, answer) => answer.writeHead(500, reply).end('x')],
    ['with another type', (_, answer) => answer.writeHead(200, { 'content-type': 'text/html' }).end('x')],
    ['with a way elsewhere', (_, answer) => answer.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
    ['without end', (_, answer) => void endless(answer.writeHead(200, reply))],
    [
      'with half an answer',
      (request, answer) =>
        answer.writeHead(200, { ...reply, 'content-length': '50' }).write('x', () => request.socket.destroy()),
    ],
  ])('answers %s is reported as unavailable', async (_, listener) => {
    await expect(asking(await serve(listener))).rejects.toMatchObject({ code: 'timestamp_unavailable' });
  });

  it('does not answer at all is awaited for the configured time only', async () => {
    await expect(asking(await serve(() => undefined), 200)).rejects.toMatchObject({ code: 'timestamp_unavailable' });
  });

  it('cannot be reached is reported as unavailable', async () => {
    await expect(asking('http://127.0.0.1:1/')).rejects.toMatchObject({ code: 'timestamp_unavailable' });
  });

  it('needs a password gets it with the request', async () => {
    const seen: unknown[] = [];
    const url = await serve((request, answer) => {
      seen.push(request.headers.authorization, request.headers['content-type'], request.method);
      answer.writeHead(200, reply).end('answer');
    });
    const answer = await createTimeStampExchange({ url, exchange, authorization: 'Basic eDp5' })(
      Buffer.from('request'),
    );
    expect(Buffer.from(answer).toString()).toBe('answer');
    expect(seen).toEqual(['Basic eDp5', 'application/timestamp-query', 'POST']);
  });
});

function endless(answer: ServerResponse): void {
  const more = (): void => {
    while (!answer.destroyed && answer.write(Buffer.alloc(16_384)));
    if (!answer.destroyed) answer.once('drain', more);
  };
  more();
}
