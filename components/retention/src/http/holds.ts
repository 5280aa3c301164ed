import type { Gate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import type { Requester } from '../dependencies.ts';
import type { RunningRetention } from '../retention.ts';
import { hold, holdBody, holdList, holdsQuery, idParams, reasonBody } from './schemas.ts';
import { describedRoutes, holdView } from './views.ts';

type WithId = { Params: Static<typeof idParams> };

export function holdRoutes(app: FastifyInstance, retention: RunningRetention, gate: Gate<Requester, string>): void {
  const needs = describedRoutes(gate);
  app.get<{ Querystring: Static<typeof holdsQuery> }>(
    '/retention/holds',
    needs('retention:read', {
      summary: 'List legal holds',
      querystring: holdsQuery,
      answers: { 200: { description: 'Newest first', body: holdList } },
    }),
    async (request) => {
      const { active } = request.query;
      const { holds } = await retention.state();
      const wanted = [...holds.values()].filter(
        ({ releasedAt }) => active === undefined || (releasedAt === undefined) === (active === 'true'),
      );
      return { holds: wanted.toReversed().map(holdView) };
    },
  );

  app.post<{ Body: Static<typeof holdBody> }>(
    '/retention/holds',
    needs('legalhold:place', {
      summary: 'Place a legal hold',
      description:
        'It keeps what its scope finds, now and later, from being pruned and erased. Not by whom it is about.',
      body: holdBody,
      answers: { 201: { description: 'The hold, in force', body: hold } },
    }),
    async (request, reply) => {
      const { scope, matter, future = false } = request.body;
      return reply
        .status(201)
        .send(holdView(await retention.holds.place({ scope, matter, future }, gate.callerOf(request))));
    },
  );

  app.post<WithId & { Body: Static<typeof reasonBody> }>(
    '/retention/holds/:id/release',
    needs('legalhold:release', {
      summary: 'Release a legal hold',
      description: 'By another person than the one who placed it, and not by whom it is about.',
      params: idParams,
      body: reasonBody,
      answers: { 200: { description: 'The hold, released', body: hold } },
    }),
    async (request) =>
      holdView(await retention.holds.release(request.params.id, request.body.reason, gate.callerOf(request))),
  );
}
