import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { CloudEvent } from '@countersign/contracts';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { asCaller, createOpenGuard } from '@countersign/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Followed } from './event-follower.ts';
import { eventPublisherRoutes, type RunningEventPublisher } from './index.ts';
import { project } from './projection.ts';
import { createStreams, type Streams, type StreamTimes, usualTimes } from './server-sent-events.ts';
import { createEventWorld, type EventWorld } from './testing/event-world.ts';
import { leis, version } from './testing/example-mandate.ts';
import { openAndIgnore, openStream, type StreamReader } from './testing/stream-reader.ts';

let world: EventWorld;
let events: RunningEventPublisher;
const guard = createOpenGuard();
const asReader = (institution: string, id = 'client:ops') => asCaller({ id, institution }, ['event:read']);
const closing: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  world = await createEventWorld();
});
beforeEach(() => {
  events = world.node({ everyMs: 5 });
});
afterEach(async () => {
  world.log.repair();
  for (const close of closing.splice(0)) await close();
});
afterAll(() => world.close());

/** A server with the given times, where each stream takes one place. */
async function serve(times: Partial<StreamTimes> = {}) {
  const app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
  eventPublisherRoutes(app, {
    events,
    guard,
    baseUrl: 'https://countersign.example',
    streamTimes: { ...usualTimes, ...times },
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  closing.push(() => app.close());
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/events/stream`;
  return {
    app,
    url,
    open: (institution: string = leis.fund, query = '', headers: Readonly<Record<string, string>> = {}) =>
      openStream(`${url}${query}`, { ...asReader(institution), ...headers }),
  };
}

const idOf = (frame: { readonly data?: string } | undefined): string =>
  String((JSON.parse(frame?.data ?? '{}') as { id?: unknown }).id);
const place = (index: bigint): string => index.toString().padStart(20, '0');

/** The first frame after the greeting. */
async function greeted(reader: StreamReader): Promise<string> {
  expect(await reader.next()).toEqual({ retry: '2000' });
  const { id = '', ...rest } = (await reader.next()) ?? {};
  expect(rest).toEqual({});
  return id;
}

describe('a stream', () => {
  it('delivers events as they happen, each with the position to resume from', async () => {
    const { open } = await serve();
    const reader = await open();
    expect(reader.status).toBe(200);
    expect(reader.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    await greeted(reader);
    const written = [world.mandate(), world.mandate()];
    world.others();
    const frames = await reader.events(2);
    for (const [at, { index, record }] of written.entries()) {
      expect(frames[at]).toMatchObject({ id: place(index), event: 'countersign.mandate.proposed' });
      expect(JSON.parse(frames[at]?.data ?? '')).toMatchObject({ specversion: '1.0', id: record.id });
    }
    reader.leave();
  });

  it('resumes after Last-Event-ID, which takes precedence over `after`', async () => {
    const { open } = await serve();
    const [first, second, third] = [world.mandate(), world.mandate(), world.mandate()];
    const byQuery = await open(leis.fund, `?after=${place(first.index)}`);
    expect((await byQuery.events(2)).map(idOf)).toEqual([second.record.id, third.record.id]);
    const byHeader = await open(leis.fund, `?after=${place(first.index)}`, { 'last-event-id': place(second.index) });
    expect((await byHeader.events(1)).map(idOf)).toEqual([third.record.id]);
    byQuery.leave();
    byHeader.leave();
  });

  it('states its starting position, so that a reader disconnected before any event misses none', async () => {
    const short = await serve({ lifeMs: 50 });
    const reader = await short.open();
    const from = await greeted(reader);
    await reader.rest();
    const { record } = world.mandate();
    const { open } = await serve();
    const again = await open(leis.fund, '', { 'last-event-id': from });
    expect((await again.events(1)).map(idOf)).toEqual([record.id]);
    again.leave();
  });

  it('advances the position past others’ events, and sends it with the next heartbeat at the latest', async () => {
    const { open } = await serve({ heartbeatMs: 20 });
    const reader = await open();
    const from = await greeted(reader);
    const { index } = world.others();
    expect(place(index) > from).toBe(true);
    for (let frame = await reader.next(); ; frame = await reader.next()) {
      expect(frame?.data).toBeUndefined();
      if (frame?.id === place(index)) break;
    }
    reader.leave();
  });

  it('sends heartbeats while nothing happens', async () => {
    const { open } = await serve({ heartbeatMs: 10 });
    const reader = await open();
    await greeted(reader);
    for (let count = 0; count < 3; count++) expect(await reader.next()).toEqual({ comment: 'nothing yet' });
    reader.leave();
  });

  it('holds the institution’s events of the requested topics', async () => {
    const { open } = await serve();
    const stranger = await open(leis.stranger);
    const reader = await open(leis.fund, '?topics=transaction,exception');
    await greeted(stranger);
    await greeted(reader);
    world.mandate();
    const transaction = world.transaction([leis.fund]);
    const step = world.log.write({ type: 'transaction.transitioned', transaction, data: { event: 'submit' } });
    const theirs = world.log.write({
      type: 'mandate.proposed',
      mandate: world.mandate().record.mandate,
      data: { mandate: version({ grantee: { lei: leis.stranger } }) },
    } as Parameters<typeof world.log.write>[0]);
    expect((await reader.events(1)).map(idOf)).toEqual([step.record.id]);
    expect((await stranger.events(1)).map(idOf)).toEqual([theirs.record.id]);
    reader.leave();
    stranger.leave();
  });

  it.each([
    ['without a token', '', {}, 401, 'token_missing'],
    [
      'without the scope',
      '',
      asCaller({ id: 'client:ops', institution: leis.fund }, ['event:subscribe']),
      403,
      'insufficient_scope',
    ],
    ['from a position that was made up', '?after=77777777777777777777', {}, 400, 'event_position_invalid'],
    ['of an invalid topic', '?topics=mandate,all', {}, 400, 'subscription_invalid'],
    ['with an invalid parameter', '?since=1', {}, 400, undefined],
  ])('is refused %s', async (reason, query, headers, status, code) => {
    const { url } = await serve();
    const caller = reason === 'without a token' ? {} : asReader(leis.fund);
    const answer = await fetch(`${url}${query}`, { headers: { ...caller, ...headers } });
    expect(answer.status).toBe(status);
    if (code !== undefined) expect(await answer.json()).toMatchObject({ code });
  });

  it('is refused with the error of the log while the log cannot be read', async () => {
    const { url } = await serve();
    world.log.breakDown('reading');
    const answer = await fetch(url, { headers: asReader(leis.fund) });
    expect([answer.status, await answer.json()]).toMatchObject([503, { code: 'log_unavailable' }]);
  });
});

describe('the end of a stream', () => {
  it('comes with the position reached', async () => {
    const { url } = await serve({ standingMs: 10 });
    const reader = await openStream(url, asReader(leis.fund, 'client:passer-by'));
    await greeted(reader);
    const { scans } = world.log.reads;
    const { index } = world.others();
    while (world.log.reads.scans === scans) await new Promise((resolve) => setTimeout(resolve, 5));
    guard.end('client:passer-by');
    expect(await reader.rest()).toEqual([{ id: place(index) }]);
  });

  it('comes at its time limit', async () => {
    const { open } = await serve({ lifeMs: 50 });
    const reader = await open();
    await greeted(reader);
    expect(await reader.rest()).toEqual([]);
  });

  it('comes when the token is no longer valid', async () => {
    const { url } = await serve({ standingMs: 10 });
    const reader = await openStream(url, asReader(leis.fund, 'client:leaver'));
    await greeted(reader);
    guard.end('client:leaver');
    expect(await reader.rest()).toEqual([]);
  });

  it('comes when the publisher stops', async () => {
    const { open } = await serve();
    const reader = await open();
    await greeted(reader);
    await events.stop();
    expect(await reader.rest()).toEqual([]);
  });

  it('comes when the server closes, which does not wait for it', async () => {
    const { app, open } = await serve();
    const readers = await Promise.all([open(), open(), open()]);
    await Promise.all(readers.map(greeted));
    await Promise.all([app.close(), ...readers.map((reader) => reader.rest())]);
  });

  it('is a broken connection when the log fails, so that it is not mistaken for a regular end', async () => {
    const { open } = await serve();
    const reader = await open();
    await greeted(reader);
    world.log.breakDown('reading');
    world.mandate();
    await expect(reader.rest()).rejects.toThrow();
  });
});

describe('streams', () => {
  /** A server for streams only, to count them. */
  async function counted(times: Partial<StreamTimes> = {}) {
    const app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
    const streams: Streams = createStreams({ ...usualTimes, ...times });
    let before = (): Promise<unknown> => Promise.resolve();
    let stands = async (): Promise<boolean> => true;
    let follow = (signal: AbortSignal): Promise<AsyncIterable<Followed>> =>
      events.followPlaces(leis.fund, { after: place(0n) }, signal);
    app.get<{ Querystring: { institution?: string } }>('/', (request, reply) =>
      streams.answer(reply, {
        institution: request.query.institution ?? leis.fund,
        isActive: () => stands(),
        async follow(signal) {
          await before();
          return follow(signal);
        },
      }),
    );
    await app.listen({ host: '127.0.0.1', port: 0 });
    closing.push(async () => {
      streams.end();
      app.server.closeAllConnections();
      await app.close();
    });
    return {
      app,
      streams,
      url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/`,
      beforeFollowing(act: () => Promise<unknown>) {
        before = act;
      },
      standing(act: typeof stands) {
        stands = act;
      },
      following(act: typeof follow) {
        follow = act;
      },
    };
  }
  async function untilSize(streams: Streams, size: number): Promise<void> {
    while (streams.size !== size) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  it('end when the token can no longer be checked', async () => {
    const { streams, url, standing } = await counted({ standingMs: 10 });
    const reader = await openStream(url, {});
    standing(() => Promise.reject(new Error('the connection was refused')));
    await reader.rest();
    await untilSize(streams, 0);
  });

  it('are no longer counted when their readers have left, or were never there', async () => {
    const { streams, url, beforeFollowing } = await counted();
    const reader = await openStream(url, {});
    expect(streams.size).toBe(1);
    reader.leave();
    await untilSize(streams, 0);

    // Aborted before there is an answer, while the starting position is being determined.
    let begun = (): void => undefined;
    let goOn = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const may = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    beforeFollowing(() => {
      begun();
      return may;
    });
    const socket = await openAndIgnore(url, {});
    await asked;
    expect(streams.size).toBe(1);
    socket.destroy();
    await once(socket, 'close');
    await new Promise((resolve) => setTimeout(resolve, 20));
    goOn();
    await untilSize(streams, 0);
  });

  it('are not counted when they were refused', async () => {
    const { streams, url, beforeFollowing } = await counted();
    beforeFollowing(() => Promise.reject(new Error('no')));
    for (let count = 0; count < 20; count++) expect((await fetch(url)).status).toBe(500);
    expect(streams.size).toBe(0);
  });

  it('are not started by a HEAD request', async () => {
    const { streams, url } = await counted();
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200);
    await untilSize(streams, 0);
  });

  it('are limited to sixteen an institution, which leaves room for others', async () => {
    const { streams, url } = await counted();
    const many = await Promise.all(Array.from({ length: 20 }, () => openStream(url, {})));
    expect(many.filter(({ status }) => status === 200)).toHaveLength(16);
    expect(many.filter(({ status }) => status === 503)).toHaveLength(4);
    const other = await openStream(`${url}?institution=${leis.venue}`, {});
    expect(other.status).toBe(200);
    for (const reader of [...many, other]) reader.leave();
    await untilSize(streams, 0);
    expect((await openStream(url, {})).status).toBe(200);
  });

  it('are limited in total to what one process serves', async () => {
    const { streams, url } = await counted();
    const many = await Promise.all(
      Array.from({ length: 260 }, (_, index) => openStream(`${url}?institution=${index % 26}`, {})),
    );
    expect(many.filter(({ status }) => status === 200)).toHaveLength(256);
    for (const reader of many) reader.leave();
    await untilSize(streams, 0);
  });

  it('that nobody reads are cut off, and their buffers freed', async () => {
    const large = 'x'.repeat(1_000);
    const transaction = world.transaction([leis.fund]);
    for (let count = 0; count < 20_000; count++)
      world.log.write({ type: 'transaction.transitioned', transaction, data: { event: large } });
    const { streams, url } = await counted({ slowMs: 100 });
    const [before, socket] = [world.log.reads.scans, await openAndIgnore(url, {})];
    await untilSize(streams, 1);
    await untilSize(streams, 0);
    // 20 MB were available; sending stopped when the connection accepted no more.
    expect(world.log.reads.scans - before).toBeLessThan(150);
    socket.destroy();
  });

  it('that fail while nobody reads fail alone, wherever they are', async () => {
    const projected = project(world.mandate().record, 1n, 'countersign.example/log');
    if (projected === undefined) throw new Error('a mandate without an event');
    const { event } = projected;
    const large: CloudEvent = { ...event, data: 'x'.repeat(8_000_000) };
    async function* failing(after: number): AsyncGenerator<Followed> {
      yield { kind: 'position', position: 1n };
      yield { kind: 'event', event: large };
      for (let count = 0; count < after; count++) yield { kind: 'event', event };
      throw new Error('the log cannot be read');
    }
    const { streams, url, following } = await counted();
    for (let after = 0; after < 12; after++) {
      let begun = (): void => undefined;
      const asked = new Promise<void>((resolve) => {
        begun = resolve;
      });
      following(async () => {
        begun();
        return failing(after);
      });
      const socket = await openAndIgnore(url, {});
      await asked;
      await new Promise((resolve) => setTimeout(resolve, 20));
      socket.destroy();
      await untilSize(streams, 0);
    }
  });

  it('that nobody reads still end at their time limit', async () => {
    const { streams, url } = await counted({ lifeMs: 50, graceMs: 50 });
    const socket = await openAndIgnore(url, {});
    await untilSize(streams, 1);
    await untilSize(streams, 0);
    socket.destroy();
  });
});
