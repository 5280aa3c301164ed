import type { Caller, ResourceGuard } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import { described, keySetRoute, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { changeBody, configurationAnswer, createBody } from './configuration.ts';
import { metadataAnswer, metadataPath, transmitterMetadata } from './metadata.ts';
import { type Receiver, streamStatuses } from './stream.ts';
import type { SignalTransmitter } from './transmitter.ts';

const closed = { additionalProperties: false };
const streamId = Type.String({ maxLength: 64 });
const streamQuery = Type.Object({ stream_id: streamId }, closed);
const perhapsStreamQuery = Type.Object({ stream_id: Type.Optional(streamId) }, closed);
const statusBody = Type.Object(
  {
    stream_id: streamId,
    status: Type.Enum([...streamStatuses]),
    reason: Type.Optional(Type.String({ maxLength: 255 })),
  },
  closed,
);
const statusAnswer = Type.Object(
  { stream_id: Type.String(), status: Type.Enum([...streamStatuses]), reason: Type.Optional(Type.String()) },
  { ...closed, title: 'StreamStatus' },
);
const subject = Type.Unknown({ description: 'Subject Identifier (RFC 9493), or a complex subject' });
const addBody = Type.Object({ stream_id: streamId, subject, verified: Type.Optional(Type.Boolean()) }, closed);
const removeBody = Type.Object({ stream_id: streamId, subject }, closed);
const verificationBody = Type.Object(
  { stream_id: streamId, state: Type.Optional(Type.String({ maxLength: 1_024 })) },
  closed,
);
const jti = Type.String({ minLength: 1, maxLength: 128 });
const pollBody = Type.Object(
  {
    maxEvents: Type.Optional(Type.Integer({ minimum: 0 })),
    returnImmediately: Type.Optional(Type.Boolean()),
    ack: Type.Optional(Type.Array(jti, { maxItems: 1_000 })),
    setErrs: Type.Optional(
      Type.Record(
        jti,
        Type.Object({
          err: Type.String({ maxLength: 128 }),
          description: Type.Optional(Type.String({ maxLength: 1_024 })),
        }),
        { maxProperties: 100 },
      ),
    ),
  },
  closed,
);
const pollAnswer = Type.Object(
  {
    sets: Type.Record(Type.String(), Type.String({ description: 'Security Event Token (RFC 8417)' })),
    moreAvailable: Type.Optional(Type.Literal(true)),
  },
  { ...closed, title: 'PollAnswer', description: 'RFC 8936, section 2.3' },
);
const pollParams = Type.Object({ stream: streamId }, closed);

export interface SignalRoutes {
  readonly signals: SignalTransmitter;
  /** The issuer of our access tokens. */
  readonly issuer: string;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
}

/** Streams of security events over HTTP, under `/signals`, and their discovery. */
export function signalRoutes(app: FastifyInstance, { signals, issuer, guard, baseUrl }: SignalRoutes): void {
  const { streams } = signals;
  const scopes = ['signal:subscribe'] as const;
  const receiving = <Request extends FastifyRequest>(
    handler: (request: Request, reply: FastifyReply, by: Receiver) => Promise<unknown>,
  ) =>
    withCaller<Caller, Request>(
      (request) => guard.check(request, { scope: 'signal:subscribe' }),
      baseUrl,
      (request, reply, { subject: id, institution, client }) => handler(request, reply, { id, institution, client }),
    );

  app.get(
    metadataPath(issuer),
    described({
      tag: 'signals',
      summary: 'Read how security events are transmitted',
      answers: { 200: { description: 'Its endpoints, methods and keys', body: metadataAnswer } },
    }),
    async () => transmitterMetadata({ issuer, baseUrl }),
  );
  keySetRoute(app, '/signals/keys', {
    tag: 'signals',
    summary: 'Keys that sign security events',
    keys: () => signals.signer.publicKeys('security-event'),
  });

  type CreateRoute = { Body: Static<typeof createBody> };
  app.post<CreateRoute>(
    '/signals/streams',
    described({
      tag: 'signals',
      summary: 'Create a stream',
      description:
        'Begins with what happens from now on; polled for unless it says otherwise. It is of your institution, which may ' +
        'have 16; its tokens are for the client that made it.',
      scopes,
      body: createBody,
      answers: { 201: { description: 'The stream', body: configurationAnswer } },
    }),
    receiving<FastifyRequest<CreateRoute>>(async ({ body }, reply, by) =>
      reply.status(201).send(await streams.create(body, by)),
    ),
  );
  type ListRoute = { Querystring: Static<typeof perhapsStreamQuery> };
  app.get<ListRoute>(
    '/signals/streams',
    described({
      tag: 'signals',
      summary: 'Read a stream, or all of your institution',
      scopes,
      querystring: perhapsStreamQuery,
      answers: {
        200: {
          description: 'The stream that is named, or a list of all',
          body: Type.Union([configurationAnswer, Type.Array(configurationAnswer)]),
        },
      },
    }),
    receiving<FastifyRequest<ListRoute>>(async ({ query }, _reply, { institution }) =>
      query.stream_id === undefined ? streams.list(institution) : streams.read(institution, query.stream_id),
    ),
  );
  type ChangeRoute = { Body: Static<typeof changeBody> };
  app.patch<ChangeRoute>(
    '/signals/streams',
    described({
      tag: 'signals',
      summary: 'Change a stream',
      description: 'Members that are left out stay unchanged.',
      scopes,
      body: changeBody,
      answers: { 200: { description: 'The stream', body: configurationAnswer } },
    }),
    receiving<FastifyRequest<ChangeRoute>>(async ({ body }, _reply, by) => streams.update(body, by)),
  );
  app.put<ChangeRoute>(
    '/signals/streams',
    described({
      tag: 'signals',
      summary: 'Replace the configuration of a stream',
      description:
        'Members that are left out are removed, including the `authorization_header`, which is never returned.',
      scopes,
      body: changeBody,
      answers: { 200: { description: 'The stream', body: configurationAnswer } },
    }),
    receiving<FastifyRequest<ChangeRoute>>(async ({ body }, _reply, by) => streams.replace(body, by)),
  );
  type StreamRoute = { Querystring: Static<typeof streamQuery> };
  app.delete<StreamRoute>(
    '/signals/streams',
    described({
      tag: 'signals',
      summary: 'Delete a stream',
      scopes,
      querystring: streamQuery,
      answers: { 204: { description: 'The stream and its queue were deleted' } },
    }),
    receiving<FastifyRequest<StreamRoute>>(async ({ query }, reply, by) => {
      await streams.remove(query.stream_id, by);
      return reply.status(204).send();
    }),
  );

  app.get<StreamRoute>(
    '/signals/status',
    described({
      tag: 'signals',
      summary: 'Read the status of a stream',
      scopes,
      querystring: streamQuery,
      answers: { 200: { description: 'Its status', body: statusAnswer } },
    }),
    receiving<FastifyRequest<StreamRoute>>(async ({ query }, _reply, { institution }) =>
      streams.status(institution, query.stream_id),
    ),
  );
  type StatusRoute = { Body: Static<typeof statusBody> };
  app.post<StatusRoute>(
    '/signals/status',
    described({
      tag: 'signals',
      summary: 'Enable, pause or disable a stream',
      description:
        'Events from while it is paused are sent once it is enabled; events from while it is disabled are not sent.',
      scopes,
      body: statusBody,
      answers: { 200: { description: 'Its status', body: statusAnswer } },
    }),
    receiving<FastifyRequest<StatusRoute>>(async ({ body }, _reply, by) => streams.setStatus(body, by)),
  );

  type AddRoute = { Body: Static<typeof addBody> };
  app.post<AddRoute>(
    '/signals/subjects/add',
    described({
      tag: 'signals',
      summary: 'Add a subject to a stream',
      description:
        'A stream includes all of your people and clients until you remove them. The response does not reveal whether the subject exists.',
      scopes,
      body: addBody,
      answers: { 200: { description: 'Done' } },
    }),
    receiving<FastifyRequest<AddRoute>>(async ({ body }, reply, by) => {
      await streams.addSubject(body.stream_id, asJson(body.subject), by);
      return reply.status(200).send();
    }),
  );
  type RemoveRoute = { Body: Static<typeof removeBody> };
  app.post<RemoveRoute>(
    '/signals/subjects/remove',
    described({
      tag: 'signals',
      summary: 'Remove a subject from a stream',
      description: 'Queued events about the subject may still be sent.',
      scopes,
      body: removeBody,
      answers: { 204: { description: 'Done' } },
    }),
    receiving<FastifyRequest<RemoveRoute>>(async ({ body }, reply, by) => {
      await streams.removeSubject(body.stream_id, asJson(body.subject), by);
      return reply.status(204).send();
    }),
  );
  type VerificationRoute = { Body: Static<typeof verificationBody> };
  app.post<VerificationRoute>(
    '/signals/verification',
    described({
      tag: 'signals',
      summary: 'Request a verification event',
      description: 'At most every 30 seconds. It is sent after the events in the queue.',
      scopes,
      body: verificationBody,
      answers: { 204: { description: 'It will come' } },
    }),
    receiving<FastifyRequest<VerificationRoute>>(async ({ body }, reply, by) => {
      await streams.verify(body, by);
      return reply.status(204).send();
    }),
  );

  const waiting = new Set<AbortController>();
  // Waiting polls end with the server.
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
    for (const poll of waiting) poll.abort();
  });
  type PollRoute = { Params: Static<typeof pollParams>; Body: Static<typeof pollBody> };
  app.post<PollRoute>(
    '/signals/poll/:stream',
    described({
      tag: 'signals',
      summary: 'Poll for security events',
      description:
        'RFC 8936. Waits up to 20 seconds for events, unless `returnImmediately`. Tokens that are not acknowledged ' +
        'are sent again with the next poll; at most 100 tokens per response.',
      scopes,
      params: pollParams,
      body: pollBody,
      answers: { 200: { description: 'Tokens by their `jti`', body: pollAnswer } },
    }),
    receiving<FastifyRequest<PollRoute>>(async ({ params, body }, reply, by) => {
      const ending = new AbortController();
      waiting.add(ending);
      reply.raw.once('close', () => ending.abort());
      try {
        const answer = await signals.poll(params.stream, body, by, ending.signal);
        // A connection kept for the next poll would delay the shutdown.
        if (closing) reply.header('connection', 'close');
        return answer;
      } finally {
        waiting.delete(ending);
      }
    }),
  );
}

/** Parsed from JSON by the server. */
function asJson(value: unknown): Json {
  // The framework types bodies as unknown.
  return value as Json;
}
