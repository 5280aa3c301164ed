import {
  type Caller,
  type EventTopic,
  eventErrors,
  type LastingCaller,
  type LastingGuard,
} from '@countersign/contracts';
import { parseId, type SubscriptionId } from '@countersign/kernel';
import { described, keySetRoute, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { eventAnswer, pageAnswer, subscriptionAnswer, subscriptionList, topic } from './answers.ts';
import type { RunningEventPublisher } from './event-publisher.ts';
import { parseTopics } from './projection.ts';
import { createStreams, type StreamTimes, usualTimes } from './server-sent-events.ts';

const closed = { additionalProperties: false };
const after = Type.Optional(
  Type.String({ maxLength: 20, description: 'Position; from the first event when left out' }),
);
const topics = Type.Optional(
  Type.String({ maxLength: 128, description: 'Comma-separated topics; all topics when left out' }),
);
const pageQuery = Type.Object(
  {
    after,
    topics,
    limit: Type.Optional(
      Type.String({ pattern: '^(?:[1-9]\\d?|[1-4]\\d\\d|500)$', description: '1 to 500; 100 when left out' }),
    ),
  },
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

export interface EventPublisherRoutes {
  readonly events: RunningEventPublisher;
  readonly guard: LastingGuard;
  readonly baseUrl: string;
  readonly streamTimes?: StreamTimes;
}

/** Events over HTTP, under `/events`. An institution receives the events of transactions to which it is a party. */
export function eventPublisherRoutes(
  app: FastifyInstance,
  { events, guard, baseUrl, streamTimes = usualTimes }: EventPublisherRoutes,
): void {
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
        'In the order of the log. Request the next page with `after` set to the returned position, even if the page is empty.',
      scopes: ['event:read'],
      querystring: pageQuery,
      answers: { 200: { description: 'One page', body: pageAnswer } },
    }),
    reading<FastifyRequest<PageRoute>>(async ({ query }, _reply, { institution }) =>
      events.read(institution, {
        ...(query.after === undefined ? {} : { after: query.after }),
        ...(query.topics === undefined ? {} : { topics: topicsOf(query.topics) }),
        ...(query.limit === undefined ? {} : { limit: Number(query.limit) }),
      }),
    ),
  );

  const streams = createStreams(streamTimes);
  app.addHook('preClose', async () => streams.end());
  app.get<StreamRoute>(
    '/events/stream',
    described({
      tag: 'events',
      summary: 'Follow events as they happen',
      description:
        'Server-sent events: `id` is the position, `event` the type, `data` the CloudEvent. Starts now, or at `after` ' +
        'or the header Last-Event-ID. The stream ends with the token, after at most five minutes; reconnect with a new one.',
      scopes: ['event:read'],
      querystring: streamQuery,
      answers: { 200: { description: 'Until it ends', body: eventAnswer, mediaType: 'text/event-stream' } },
    }),
    withCaller<LastingCaller, FastifyRequest<StreamRoute>>(
      (request) => guard.checkLasting(request, { scope: 'event:read' }),
      baseUrl,
      async ({ headers, query }, reply, { caller, token }) => {
        const { institution } = caller;
        const lastSeen = headers['last-event-id'];
        const after = typeof lastSeen === 'string' ? lastSeen : query.after;
        const from = {
          ...(after === undefined ? {} : { after }),
          ...(query.topics === undefined ? {} : { topics: topicsOf(query.topics) }),
        };
        return streams.answer(reply, {
          institution,
          isActive: () => guard.isActive(token),
          follow: (signal) => events.followPlaces(institution, from, signal),
        });
      },
    ),
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
        '/events/keys. Respond with 2xx to accept an event; after any other response it is sent again.',
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
      summary: 'Resume a suspended subscription',
      description: 'It goes on from where it was.',
      scopes: ['event:subscribe'],
      params: idParams,
      answers: { 200: { description: 'The subscription', body: subscriptionAnswer } },
    }),
    subscribing<FastifyRequest<IdRoute>>(async ({ params }, _reply, { subject, institution }) =>
      events.resume(institution, subscriptionIdOf(params.id), { id: subject, institution }),
    ),
  );

  keySetRoute(app, '/events/keys', {
    tag: 'events',
    summary: 'Keys that sign events',
    keys: () => events.signer.publicKeys('event'),
  });
}

function topicsOf(text: string): readonly EventTopic[] {
  return parseTopics(text.split(','));
}

function subscriptionIdOf(text: string): SubscriptionId {
  const id = parseId('subscription', text);
  if (id === undefined)
    throw eventErrors.error('subscription_not_found', 'The subscription does not exist, or you have no access to it.');
  return id;
}
