import {
  type Caller,
  type ResourceGuard,
  type TransactionFacts,
  type TransactionRegistry,
  transactionErrors,
  transactionEvents,
} from '@countersign/contracts';
import { parseId, type TransactionId } from '@countersign/kernel';
import { described, idempotencyKeyHeader, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { approvalAnswer, exceptionList, receiptAnswer, transactionAnswer } from './answers.ts';
import { scopeHeld } from './scope-held.ts';
import { transitionRules } from './state-machine.ts';

const closed = { additionalProperties: false };
const transactionId = Type.String({ maxLength: 40 });
const idParams = Type.Object({ id: transactionId }, closed);
const approvalBody = Type.Object({ jws: Type.String({ maxLength: 16_384 }) }, closed);
const transitionBody = Type.Object(
  {
    event: Type.Enum([...transactionEvents]),
    // Each event has its own; the registry reads it.
    body: Type.Record(Type.String({ maxLength: 64 }), Type.Unknown(), { maxProperties: 16 }),
  },
  closed,
);
const exceptionQuery = Type.Object(
  { transaction: Type.Optional(transactionId), status: Type.Optional(Type.Enum(['open', 'resolved'])) },
  closed,
);

/** Whoever takes part in a trade reads it under the scope of its own part. */
const readScopes = ['order:read', 'settlement:read', 'trade:read'] as const;
const tag = 'transactions';
const [firstEvent, ...otherEvents] = transactionEvents;

type WithId = { Params: Static<typeof idParams> };
type ApprovalRoute = WithId & { Body: Static<typeof approvalBody> };
type TransitionRoute = WithId & { Body: Static<typeof transitionBody> };
type ExceptionRoute = { Querystring: Static<typeof exceptionQuery> };

export interface TransactionRegistryRoutes {
  readonly transactions: TransactionRegistry;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
}

/** Transactions over HTTP, under `/transactions`. An institution sees those it is a party to, and no others. */
export function transactionRegistryRoutes(
  app: FastifyInstance,
  { transactions, guard, baseUrl }: TransactionRegistryRoutes,
): void {
  app.get<WithId>(
    '/transactions/:id',
    described({
      tag,
      summary: 'Read a transaction',
      description: 'For the institution that began it and the parties that it names.',
      scopes: readScopes,
      params: idParams,
      answers: { 200: { description: 'Its state, its intent, and the approvals that stand', body: transactionAnswer } },
    }),
    withCaller<Caller, FastifyRequest<WithId>>(
      (request) => guard.check(request, { scope: scopeHeld(request, readScopes) }),
      baseUrl,
      async (request, _reply, caller) => visible(await transactions.facts(transactionIdOf(request.params.id)), caller),
    ),
  );

  app.get<ExceptionRoute>(
    '/transactions/exceptions',
    described({
      tag,
      summary: 'List exceptions',
      description: 'What a person must look at, in transactions that the institution of the caller is a party to.',
      scopes: ['settlement:read'],
      querystring: exceptionQuery,
      answers: { 200: { description: 'At most 1,000', body: exceptionList } },
    }),
    withCaller<Caller, FastifyRequest<ExceptionRoute>>(
      (request) => guard.check(request, { scope: 'settlement:read' }),
      baseUrl,
      async (request, _reply, caller) => {
        const { transaction, status } = request.query;
        const exceptions = await transactions.exceptions({
          party: caller.institution,
          ...(transaction === undefined ? {} : { transaction: transactionIdOf(transaction) }),
          ...(status === undefined ? {} : { status }),
        });
        return { exceptions };
      },
    ),
  );

  app.post<ApprovalRoute>(
    '/transactions/:id/approvals',
    described({
      tag,
      summary: 'Approve a transaction',
      description:
        'With a compact JWS by the approver, `typ` `countersign-approval+jwt`, over `iss`, `txn`, `intent_digest`, ' +
        '`decision`, `iat`, `exp` (at most an hour later), `jti` and, for who approves in several roles, `role`, by a key ' +
        'registered to that person.',
      scopes: ['order:approve'],
      params: idParams,
      body: approvalBody,
      answers: { 201: { description: 'The approval, which counts until it expires', body: approvalAnswer } },
    }),
    withCaller<Caller, FastifyRequest<ApprovalRoute>>(
      (request) => guard.check(request, { scope: 'order:approve' }),
      baseUrl,
      async (request, reply, caller) => {
        const { id, initiatorInstitution } = visible(
          await transactions.facts(transactionIdOf(request.params.id)),
          caller,
        );
        // Who brings an approval proves nothing by it: the signature does. But it is brought from within the house.
        if (initiatorInstitution !== caller.institution)
          throw transactionErrors.error(
            'approval_institution',
            'Only the institution that began the transaction approves it.',
          );
        return reply.status(201).send(await transactions.approve(id, request.body.jws));
      },
    ),
  );

  app.post<TransitionRoute>(
    '/transactions/:id/transitions',
    described({
      tag,
      summary: 'Carry a transaction on by one event',
      description: `Once for each idempotency key. The scope follows from the event: ${transactionEvents
        .map((event) => `\`${event}\` needs \`${transitionRules[event].scope}\``)
        .join(', ')}.`,
      scopes: [transitionRules[firstEvent].scope, ...otherEvents.map((event) => transitionRules[event].scope)],
      params: idParams,
      requestHeaders: idempotencyKeyHeader,
      body: transitionBody,
      answers: { 200: { description: 'The receipt; the first one where this is a repetition', body: receiptAnswer } },
    }),
    async (request, reply) => {
      const { event, body } = request.body;
      return withCaller<Caller, typeof request>(
        (access) => guard.check(access, { scope: transitionRules[event].scope }),
        baseUrl,
        async (_request, _reply, caller) =>
          transactions.transition({
            transaction: boundTo(transactionIdOf(request.params.id), caller),
            event,
            idempotencyKey: idempotencyKeyOf(request),
            body,
            by: { id: caller.subject, institution: caller.institution, client: caller.client },
          }),
      )(request, reply);
    },
  );
}

function transactionIdOf(text: string): TransactionId {
  const id = parseId('transaction', text);
  if (id === undefined) throw notFound();
  return id;
}

/** A transaction is shown to the institution that began it and to the parties it names. */
function visible(facts: TransactionFacts | undefined, caller: Caller): TransactionFacts {
  if (facts === undefined) throw notFound();
  const { entity_lei, parties } = facts.intent;
  const named = Array.isArray(parties) && parties.some((party: unknown) => isNamed(party, caller));
  if (!named && entity_lei !== caller.institution && facts.initiatorInstitution !== caller.institution)
    throw notFound();
  return facts;
}

function isNamed(party: unknown, caller: Caller): boolean {
  return typeof party === 'object' && party !== null && 'lei' in party && party.lei === caller.institution;
}

/** A token that was issued for one transaction moves no other. */
function boundTo(id: TransactionId, caller: Caller): TransactionId {
  if (caller.transaction === undefined || caller.transaction === id) return id;
  throw transactionErrors.error('transition_not_permitted', 'The access token was issued for another transaction.', {
    facts: { reasons: [{ code: 'token_transaction', detail: 'The access token was issued for another transaction.' }] },
  });
}

function notFound() {
  return transactionErrors.error('transaction_not_found', 'There is no such transaction, or it is not yours to see.');
}

function idempotencyKeyOf(request: FastifyRequest): string {
  const key = request.headers['idempotency-key'];
  return typeof key === 'string' ? key : '';
}
