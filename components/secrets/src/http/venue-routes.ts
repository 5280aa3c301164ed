import { type LastingGuard, requesterOf } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { createGate, described } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import type { VenueBroker, VenueCaller, VenueResult } from '../broker/broker.ts';
import { cancellationBody, nameParams, orderBody, queryBody, venueAnswer } from './schemas.ts';

const tag = 'venues';

/** The key broker under `/venues`. */
export function venuesRoutes(
  app: FastifyInstance,
  { broker, guard, baseUrl }: { readonly broker: VenueBroker; readonly guard: LastingGuard; readonly baseUrl: string },
): void {
  const gate = createGate(async (request, scope: string) => {
    const { caller, token } = await guard.checkLasting(request, { scope });
    const { id, institution, through } = requesterOf(caller);
    if (institution === undefined) throw new Error('a caller acts for no institution');
    const { client, transaction, intentDigest } = caller;
    return { id, institution, through, client, token, ...defined({ transaction, intentDigest }) } satisfies VenueCaller;
  }, baseUrl);
  const answers = { 200: { description: 'The signed request, or the response of the venue', body: venueAnswer } };

  app.post<{ Params: Static<typeof nameParams>; Body: Static<typeof orderBody> }>(
    '/venues/:name/orders',
    {
      ...described({
        tag,
        summary: 'Sign an order for a venue',
        description:
          'With a token whose authorization detail is the order, after its transaction was submitted. The broker builds the request from ' +
          'the order, signs it once, and returns it or sends it.',
        scopes: ['order:create'],
        params: nameParams,
        body: orderBody,
        answers,
      }),
      ...gate.needs('order:create'),
    },
    async (request, reply) => {
      const { order, send = false } = request.body;
      const result = await broker.place(request.params.name, order, gate.callerOf(request), { send });
      return reply.header('cache-control', 'no-store').send(view(result));
    },
  );

  app.post<{ Params: Static<typeof nameParams>; Body: Static<typeof cancellationBody> }>(
    '/venues/:name/cancellations',
    {
      ...described({
        tag,
        summary: 'Sign the cancellation of an order',
        description: 'For an order that the broker has signed, by the institution that started its transaction.',
        scopes: ['order:cancel'],
        params: nameParams,
        body: cancellationBody,
        answers,
      }),
      ...gate.needs('order:cancel'),
    },
    async (request, reply) => {
      const { transaction, send = false } = request.body;
      const result = await broker.cancel(request.params.name, transaction, gate.callerOf(request), { send });
      return reply.header('cache-control', 'no-store').send(view(result));
    },
  );

  app.post<{ Params: Static<typeof nameParams>; Body: Static<typeof queryBody> }>(
    '/venues/:name/queries',
    {
      ...described({
        tag,
        summary: 'Sign a query',
        description:
          'Only paths on the list of the venue, spelled as listed: never withdrawals, transfers, keys or sub-accounts.',
        scopes: ['order:read'],
        params: nameParams,
        body: queryBody,
        answers,
      }),
      ...gate.needs('order:read'),
    },
    async (request, reply) => {
      const { path, parameters = {}, send = false } = request.body;
      const result = await broker.read(request.params.name, { path, parameters }, gate.callerOf(request), { send });
      return reply.header('cache-control', 'no-store').send(view(result));
    },
  );
}

function view({ order, request, answer }: VenueResult): Static<typeof venueAnswer> {
  return {
    ...defined({ order }),
    ...(request === undefined ? {} : { request: { ...request, headers: { ...request.headers } } }),
    ...(answer === undefined ? {} : { answer: { ...answer } }),
  };
}
