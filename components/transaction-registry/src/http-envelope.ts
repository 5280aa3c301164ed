import { type Caller, requesterOf } from '@countersign/contracts';
import { described, keySetRoute, recordSchema, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import {
  closed,
  idParams,
  readScopes,
  scopeHeld,
  type TransactionRegistryRoutes,
  tag,
  transactionIdOf,
  type WithId,
} from './http-parts.ts';

const envelopeAnswer = Type.Object(
  {
    envelope: Type.String({ description: 'A compact JWS, `typ` `countersign-envelope+jwt`' }),
    recordId: recordSchema(),
  },
  { ...closed, title: 'IdentityEnvelope' },
);

export function envelopeRoutes(
  app: FastifyInstance,
  {
    transactions,
    guard,
    baseUrl,
    envelopeKeys,
  }: Pick<TransactionRegistryRoutes, 'transactions' | 'guard' | 'baseUrl' | 'envelopeKeys'>,
): void {
  app.get<WithId>(
    '/transactions/:id/envelope',
    described({
      tag,
      summary: 'Issue an identity envelope',
      description:
        'A signed document that travels with a message about the transaction: who acts for whom, on which mandates, ' +
        'approvals and decisions, and on which exact intent. It contains references only and is recorded before it is signed.',
      scopes: readScopes,
      params: idParams,
      answers: { 200: { description: 'The envelope, valid for a few minutes', body: envelopeAnswer } },
    }),
    withCaller<Caller, FastifyRequest<WithId>>(
      (request) => guard.check(request, { scope: scopeHeld(request, readScopes) }),
      baseUrl,
      async (request, reply, caller) => {
        const id = transactionIdOf(request.params.id);
        const issued = await transactions.envelope(id, requesterOf(caller));
        return reply.header('cache-control', 'no-store').send(issued);
      },
    ),
  );

  keySetRoute(app, '/transactions/keys', { tag, summary: 'Keys that sign identity envelopes', keys: envelopeKeys });
}
