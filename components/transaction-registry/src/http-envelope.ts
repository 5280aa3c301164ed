import { type Caller, requesterOf, transactionErrors } from '@countersign/contracts';
import { parseId } from '@countersign/kernel';
import { described, keySetRoute, recordSchema, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { scopeHeld, type TransactionRegistryRoutes } from './http-parts.ts';

const closed = { additionalProperties: false };
const idParams = Type.Object({ id: Type.String({ maxLength: 40 }) }, closed);
type WithId = { Params: Static<typeof idParams> };

const tag = 'transactions';
const scopes = ['order:read', 'settlement:read', 'trade:read', 'report:read'] as const;

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
        'approvals and decisions, and on which exact intent. References alone; recorded before it is signed.',
      scopes,
      params: idParams,
      answers: { 200: { description: 'The envelope, valid for a few minutes', body: envelopeAnswer } },
    }),
    withCaller<Caller, FastifyRequest<WithId>>(
      (request) => guard.check(request, { scope: scopeHeld(request, scopes) }),
      baseUrl,
      async (request, reply, caller) => {
        const id = parseId('transaction', request.params.id);
        if (id === undefined)
          throw transactionErrors.error(
            'transaction_not_found',
            'The transaction does not exist, or you have no access to it.',
          );
        const issued = await transactions.envelope(id, requesterOf(caller));
        return reply.header('cache-control', 'no-store').send(issued);
      },
    ),
  );

  keySetRoute(app, '/transactions/keys', { tag, summary: 'Keys that sign identity envelopes', keys: envelopeKeys });
}
