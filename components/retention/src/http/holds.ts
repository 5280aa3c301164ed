import { described, type Gate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import type { Requester } from '../requester.ts';
import type { RunningRetention } from '../retention.ts';
import { hold, holdBody, holdList, holdsQuery, idParams, reasonBody } from './schemas.ts';
import { holdView } from './views.ts';

const tag = 'retention';
type WithId = { Params: Static<typeof idParams> };

export function holdRoutes(app: FastifyInstance, retention: RunningRetention, gate: Gate<Requester, string>): void {
  app.get<{ Querystring: Static<typeof holdsQuery> }>(
    '/retention/holds',
    {
      ...described({
        tag,
        summary: 'List legal holds',
        scopes: ['retention:read'],
        querystring: holdsQuery,
        answers: { 200: { description: 'Newest first', body: holdList } },
      }),
      ...gate.needs('retention:read'),
    },
    async (request) => {
      const { standing } = request.query;
      const { holds } = await retention.state();
      const wanted = [...holds.values()].filter(
        ({ releasedAt }) => standing === undefined || (releasedAt === undefined) === (standing === 'true'),
      );
      return { holds: wanted.toReversed().map(holdView) };
    },
  );

  app.post<{ Body: Static<typeof holdBody> }>(
    '/retention/holds',
    {
      ...described({
        tag,
        summary: 'Place a legal hold',
        description:
          'It keeps what its scope finds, now and later, from being pruned and erased. Not by whom it is about.',
        scopes: ['legalhold:place'],
        body: holdBody,
        answers: { 201: { description: 'The hold; it stands', body: hold } },
      }),
      ...gate.needs('legalhold:place'),
    },
    async (request, reply) => {
      const { scope, matter, future = false } = request.body;
      return reply
        .status(201)
        .send(holdView(await retention.holds.place({ scope, matter, future }, gate.callerOf(request))));
    },
  );

  app.post<WithId & { Body: Static<typeof reasonBody> }>(
    '/retention/holds/:id/release',
    {
      ...described({
        tag,
        summary: 'Release a legal hold',
        description: 'By another person than the one who placed it, and not by whom it is about.',
        scopes: ['legalhold:release'],
        params: idParams,
        body: reasonBody,
        answers: { 200: { description: 'The hold; it stands no more', body: hold } },
      }),
      ...gate.needs('legalhold:release'),
    },
    async (request) =>
      holdView(await retention.holds.release(request.params.id, request.body.reason, gate.callerOf(request))),
  );
}
