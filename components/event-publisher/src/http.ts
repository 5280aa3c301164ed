import { Readable } from 'node:stream';
import { type Caller, type CloudEvent, type EventTopic, eventErrors, type ResourceGuard } from '@countersign/contracts';
import { parseId, type SubscriptionId } from '@countersign/kernel';
import { described, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { eventAnswer, keySet, pageAnswer, subscriptionAnswer, subscriptionList, topic } from './answers.ts';
import type { RunningEventPublisher } from './event-publisher.ts';
import { parseTopics } from './topics.ts';

const closed = { additionalProperties: false };
const after = Type.Optional(
  Type.String({ maxLength: 20, description: 'Position; from the first event when left out' }),
);
const topics = Type.Optional(
  Type.String({ maxLength: 128, description: 'Topics with commas between them; every topic when left out' }),
);
const pageQuery = Type.Object(
  { after, topics, limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, description: '100 when left out' })) },
  closed,
);
const streamQuery = Type.Object({ after, topics }, closed);
const subscribeBody = Type.Object(
  {
    url: Type.String({ minLength: 1, maxLength: 1024 }),
    topics: Type.Array(topic, { minItems: 1, maxItems: 16, uniqueItems: true }),
    after: Type.Optional(Type.String({ maxLength: 20, description: 'Position; from now on when left out' })),
  },
  closed,
);
const idParams = Type.Object({ id: Type.String({ maxLength: 40 }) }, closed);

type PageRoute = { Querystring: Static<typeof pageQuery> };
type StreamRoute = { Querystring: Static<typeof streamQuery> };
type SubscribeRoute = { Body: Static<typeof subscribeBody> };
type IdRoute = { Params: Static<typeof idParams> };

/** No token lives longer: whoever follows comes again with a new one, and goes on from the last event's position. */
const streamLifetimeMs = 300_000;
const heartbeatMs = 15_000;
/** Of one process: each costs a connection and a reader. */
const mostStreams = 256;
/** What a slow reader may leave unread before the next event waits; beyond a minute of that it is cut off. */
const slowReaderMs = 60_000;
const keyCacheSeconds = 60;

export interface EventPublisherRoutes {
  readonly events: RunningEventPublisher;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
}

/** Events over HTTP, under `/events`: pages, a stream, and subscriptions. An institution hears what it is a party to. */
export function eventPublisherRoutes(app: FastifyInstance, { events, guard, baseUrl }: EventPublisherRoutes): void {
  const reading = <Request extends FastifyRequest>(handler: Parameters<typeof withCaller<Caller, Request>>[2]) =>
    withCaller<Caller, Request>((request) => guard.check(request, { scope: 'event:read' }), baseUrl, handler);
  const subscribing = <Request extends FastifyRequest>(handler: Parameters<typeof withCaller<Caller, Request>>[2]) =>
    withCaller<Caller, Request>((request) => guard.check(request, { scope: 'event:subscribe' }), baseUrl, handler);

  app.get<PageRoute>(
    '/events',
    described({
      tag: 'events',
      summary: 'Read events',
      description:
        'In the order of the log. Ask again with `after` the position of the answer, also when it holds none.',
      scopes: ['event:read'],
      querystring: pageQuery,
      answers: { 200: { description: 'One page', body: pageAnswer } },
    }),
    reading<FastifyRequest<PageRoute>>(async ({ query }, _reply, { institution }) =>
      events.read(institution, {
        ...(query.after === undefined ? {} : { after: query.after }),
        ...(query.topics === undefined ? {} : { topics: topicsOf(query.topics) }),
        ...(query.limit === undefined ? {} : { limit: query.limit }),
      }),
    ),
  );

  let streams = 0;
  app.get<StreamRoute>(
    '/events/stream',
    described({
      tag: 'events',
      summary: 'Follow events as they happen',
      description:
        'Server-sent events: `id` is the position, `event` the type, `data` the CloudEvent. From now on, or from `after` ' +
        'or the header Last-Event-ID. It ends after five minutes; come again with a new token.',
      scopes: ['event:read'],
      querystring: streamQuery,
      answers: { 200: { description: 'Until it ends', body: eventAnswer, mediaType: 'text/event-stream' } },
    }),
    reading<FastifyRequest<StreamRoute>>(async (request, reply, { institution }) => {
      const lastSeen = request.headers['last-event-id'];
      const from = typeof lastSeen === 'string' ? lastSeen : request.query.after;
      if (streams >= mostStreams)
        throw eventErrors.error('event_streams_busy', 'Too many are following events here; read pages, or come again.');
      const ending = new AbortController();
      const query = {
        ...(from === undefined ? {} : { after: from }),
        ...(request.query.topics === undefined ? {} : { topics: topicsOf(request.query.topics) }),
      };
      // Asked before the answer begins: a position that is none is refused as such.
      await events.read(institution, { ...query, limit: 1 });
      streams += 1;
      const over = setTimeout(() => ending.abort(), streamLifetimeMs);
      const end = (): void => {
        clearTimeout(over);
        ending.abort();
      };
      request.raw.socket.once('close', end);
      const lines = framesOf(events.follow(institution, query, ending.signal), ending);
      return reply
        .header('cache-control', 'no-store')
        .header('x-accel-buffering', 'no')
        .type('text/event-stream; charset=utf-8')
        .send(
          Readable.from(lines).once('close', () => {
            streams -= 1;
            end();
          }),
        );
    }),
  );

  app.get(
    '/events/subscriptions',
    described({
      tag: 'events',
      summary: 'List the subscriptions of your institution',
      scopes: ['event:subscribe'],
      answers: { 200: { description: 'At most 16', body: subscriptionList } },
    }),
    subscribing(async (_request, _reply, { institution }) => ({
      subscriptions: await events.subscriptions(institution),
    })),
  );
  app.post<SubscribeRoute>(
    '/events/subscriptions',
    described({
      tag: 'events',
      summary: 'Have events sent to you',
      description:
        'As CloudEvents in structured mode, one at a time and in order, signed as HTTP messages (RFC 9421) by a key of ' +
        '/events/keys. Answer 2xx when it is yours; anything else, and it comes again.',
      scopes: ['event:subscribe'],
      body: subscribeBody,
      answers: { 201: { description: 'The subscription', body: subscriptionAnswer } },
    }),
    subscribing<FastifyRequest<SubscribeRoute>>(async ({ body }, reply, { subject, institution }) => {
      const subscription = await events.subscribe({ ...body, institution }, { id: subject, institution });
      return reply.status(201).send(subscription);
    }),
  );
  app.delete<IdRoute>(
    '/events/subscriptions/:id',
    described({
      tag: 'events',
      summary: 'End a subscription',
      scopes: ['event:subscribe'],
      params: idParams,
      answers: { 204: { description: 'It is gone' } },
    }),
    subscribing<FastifyRequest<IdRoute>>(async ({ params }, reply, { subject, institution }) => {
      await events.unsubscribe(institution, subscriptionIdOf(params.id), { id: subject, institution });
      return reply.status(204).send();
    }),
  );
  app.post<IdRoute>(
    '/events/subscriptions/:id/resume',
    described({
      tag: 'events',
      summary: 'Try a suspended subscription again',
      description: 'It goes on from where it was.',
      scopes: ['event:subscribe'],
      params: idParams,
      answers: { 200: { description: 'The subscription', body: subscriptionAnswer } },
    }),
    subscribing<FastifyRequest<IdRoute>>(async ({ params }, _reply, { subject, institution }) =>
      events.resume(institution, subscriptionIdOf(params.id), { id: subject, institution }),
    ),
  );

  app.get(
    '/events/keys',
    described({
      tag: 'events',
      summary: 'Keys that sign events',
      description: 'For everybody.',
      answers: { 200: { description: 'Every key that a signature may name', body: keySet } },
    }),
    async (_request, reply) => {
      const keys = await events.signer.publicKeys('event');
      void reply.header('cache-control', `public, max-age=${keyCacheSeconds}`);
      return { keys: keys.map(({ kid, algorithm, jwk }) => ({ ...jwk, kid, alg: algorithm, use: 'sig' })) };
    },
  );
}

/**
 * Server-sent events (HTML Living Standard section 9.2), with a comment when nothing happens for a while, so that
 * proxies keep the connection. Whoever does not read is not waited for longer than a minute.
 */
async function* framesOf(following: AsyncIterable<CloudEvent>, ending: AbortController): AsyncGenerator<string> {
  const events = following[Symbol.asyncIterator]();
  let next = events.next();
  yield ': following\n\n';
  while (!ending.signal.aborted) {
    const event = await Promise.race([next, silence(heartbeatMs, ending.signal)]);
    const slow = setTimeout(() => ending.abort(), slowReaderMs);
    if (event === 'silence') yield ': nothing yet\n\n';
    else {
      if (event.done === true) break;
      yield `id: ${event.value.sequence}\nevent: ${event.value.type}\ndata: ${JSON.stringify(event.value)}\n\n`;
      next = events.next();
    }
    clearTimeout(slow);
  }
  await events.return?.();
}

function silence(ms: number, signal: AbortSignal): Promise<'silence'> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve('silence');
    };
    const timer = setTimeout(done, ms);
    timer.unref();
    signal.addEventListener('abort', done, { once: true });
  });
}

function topicsOf(text: string): readonly EventTopic[] {
  return parseTopics(text.split(','));
}

function subscriptionIdOf(text: string): SubscriptionId {
  const id = parseId('subscription', text);
  if (id === undefined)
    throw eventErrors.error('subscription_not_found', 'There is no such subscription, or it is not yours to see.');
  return id;
}
