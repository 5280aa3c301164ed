import {
  accessErrors,
  type Caller,
  type TransactionEvent,
  type TransactionFacts,
  transactionErrors,
  transactionEvents,
} from '@countersign/contracts';
import { defined, parseId, type TransactionId } from '@countersign/kernel';
import {
  changesMarket,
  isAuthorizationDetailType,
  isTransactionStep,
  kindOfScope,
  type Scope,
  transactionStepType,
} from '@countersign/market';
import { described, idempotencyKeyHeader, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { historyAnswer, receiptAnswer, transactionAnswer } from './answers.ts';
import { approvalRoutes } from './http-approvals.ts';
import { envelopeRoutes } from './http-envelope.ts';
import { exceptionRoutes } from './http-exceptions.ts';
import { scopeHeld, type TransactionRegistryRoutes } from './http-parts.ts';
import { lifeCycleOfType } from './life-cycles/index.ts';
import { scopesOfEvent, scopesOfEvents, shownTo } from './shown.ts';

const closed = { additionalProperties: false };
const transactionId = Type.String({ maxLength: 40 });
const idParams = Type.Object({ id: transactionId }, closed);
const transitionBody = Type.Object(
  {
    event: Type.Enum([...transactionEvents]),
    // Each event has its own; the registry reads it.
    body: Type.Record(Type.String({ maxLength: 64 }), Type.Unknown(), { maxProperties: 16 }),
  },
  closed,
);
/** Whoever takes part in a trade reads it under the scope of its own part. */
const readScopes = ['order:read', 'settlement:read', 'trade:read', 'report:read'] as const;
const tag = 'transactions';
const transitionScopes = scopesOfEvents(transactionEvents);

type WithId = { Params: Static<typeof idParams> };
type TransitionRoute = WithId & { Body: Static<typeof transitionBody> };

/** Transactions over HTTP, under `/transactions`. An institution sees those it is a party to, and no others. */
export function transactionRegistryRoutes(
  app: FastifyInstance,
  { transactions, guard, baseUrl, envelopeKeys }: TransactionRegistryRoutes,
): void {
  approvalRoutes(app, { transactions, guard, baseUrl });
  envelopeRoutes(app, { transactions, guard, baseUrl, envelopeKeys });
  exceptionRoutes(app, { transactions, guard, baseUrl });

  /** The scope of this step in the life of this kind of intent, which the token must hold. One event has another in another life. */
  async function scopeNeeded(id: TransactionId, event: TransactionEvent, caller: Caller): Promise<Scope | undefined> {
    const [only, ...others] = scopesOfEvent(event);
    if (others.length === 0) return only;
    const facts = await transactions.facts(id);
    if (facts === undefined || !isAuthorizationDetailType(facts.intentType)) return undefined;
    // The registry tells whoever is no party that there is no such transaction: nothing before it tells them otherwise.
    if (!(await transactions.parties(id)).includes(caller.institution)) return undefined;
    const scope = lifeCycleOfType(facts.intentType).rules[event]?.scope;
    if (scope !== undefined && !caller.scope.includes(scope))
      throw accessErrors.error('insufficient_scope', `The access token does not hold the scope ${scope}.`);
    return scope;
  }

  /** Whoever is no party learns not even that the transaction exists. */
  async function visible(text: string, caller: Caller): Promise<TransactionFacts> {
    const id = transactionIdOf(text);
    const facts = await transactions.facts(id);
    if (facts === undefined || !(await transactions.parties(id)).includes(caller.institution)) throw notFound();
    return facts;
  }

  app.get<WithId>(
    '/transactions/:id',
    described({
      tag,
      summary: 'Read a transaction',
      description:
        'For the institution that began it and the parties to it: those an order lists, and others once they have a step ' +
        'to take. Who began it and who approved it is told to their own institution alone; who is asked for a quote is ' +
        'not shown the limits of the request.',
      scopes: readScopes,
      params: idParams,
      answers: { 200: { description: 'Its state, its intent, and the approvals that stand', body: transactionAnswer } },
    }),
    withCaller<Caller, FastifyRequest<WithId>>(
      (request) => guard.check(request, { scope: scopeHeld(request, readScopes) }),
      baseUrl,
      async (request, _reply, caller) => shownTo(await visible(request.params.id, caller), caller.institution),
    ),
  );

  app.get<WithId>(
    '/transactions/:id/history',
    described({
      tag,
      summary: 'Read what happened to a transaction',
      description: 'The receipt of every step, oldest first, for the parties to it.',
      scopes: readScopes,
      params: idParams,
      answers: { 200: { description: 'Its steps', body: historyAnswer } },
    }),
    withCaller<Caller, FastifyRequest<WithId>>(
      (request) => guard.check(request, { scope: scopeHeld(request, readScopes) }),
      baseUrl,
      async (request, _reply, caller) => {
        const { id } = await visible(request.params.id, caller);
        return { steps: await transactions.history(id) };
      },
    ),
  );

  app.post<TransitionRoute>(
    '/transactions/:id/transitions',
    described({
      tag,
      summary: 'Carry a transaction on by one event',
      description: `Once for each idempotency key. The scope follows from the event and the kind of intent: ${transactionEvents
        .map(
          (event) =>
            `\`${event}\` needs ${scopesOfEvent(event)
              .map((scope) => `\`${scope}\``)
              .join(' or ')}`,
        )
        .join(', ')}.`,
      scopes: transitionScopes,
      params: idParams,
      requestHeaders: idempotencyKeyHeader,
      body: transitionBody,
      answers: { 200: { description: 'The receipt; the first one where this is a repetition', body: receiptAnswer } },
    }),
    withCaller<Caller, FastifyRequest<TransitionRoute>>(
      (access, { body }) => guard.check(access, { scope: scopeHeld(access, scopesAskedFor(body)) }),
      baseUrl,
      async (request, _reply, caller) => {
        const { event, body } = request.body;
        const id = transactionIdOf(request.params.id);
        const scope = await scopeNeeded(id, event, caller);
        checkTokenIsFor({ transaction: id, event, scope }, caller);
        return transactions.transition({
          transaction: id,
          event,
          idempotencyKey: idempotencyKeyOf(request),
          body,
          by: { id: caller.subject, institution: caller.institution, client: caller.client },
          ...(caller.actors.length === 0 ? {} : { actors: caller.actors }),
          authentication: {
            ...defined({ acr: caller.acr, authTime: caller.authTime }),
          },
        });
      },
      { needsBody: true },
    ),
  );
}

/** The scopes of the event that a body names; where it names none, any scope of a step: what is wrong with it is said after that. */
function scopesAskedFor(body: unknown): readonly [Scope, ...Scope[]] {
  const event = typeof body === 'object' && body !== null && 'event' in body ? body.event : undefined;
  const known = transactionEvents.find((each) => each === event);
  return known === undefined ? transitionScopes : scopesOfEvent(known);
}

function transactionIdOf(text: string): TransactionId {
  const id = parseId('transaction', text);
  if (id === undefined) throw notFound();
  return id;
}

/**
 * A token that was issued for one transaction moves no other, and one for certain steps takes these alone. Without a
 * transaction a token only cancels: the server that issues tokens sees to that too, and neither relies on the other.
 */
function checkTokenIsFor(
  asked: { readonly transaction: TransactionId; readonly event: TransactionEvent; readonly scope: Scope | undefined },
  { transaction, authorizationDetails }: Caller,
): void {
  const [detail] = authorizationDetails;
  if (transaction === undefined) {
    if (asked.scope === undefined || !needsTransaction(asked.scope)) return;
    throw notPermitted(
      'token_without_transaction',
      `The access token is for no transaction: ask for one with the authorization detail ${transactionStepType}.`,
    );
  }
  if (transaction !== asked.transaction)
    throw notPermitted('token_transaction', 'The access token was issued for another transaction.');
  if (detail !== undefined && isTransactionStep(detail) && !detail.actions.includes(asked.event))
    throw notPermitted('token_step', `The access token is for another step: ${detail.actions.join(', ')}.`);
}

/** A step that decides on an intent needs it too: only the approval of a person carries its own authority. */
function needsTransaction(scope: Scope): boolean {
  return changesMarket(scope) || kindOfScope(scope) === 'approving';
}

function notPermitted(code: string, detail: string) {
  return transactionErrors.error('transition_not_permitted', detail, { facts: { reasons: [{ code, detail }] } });
}

function notFound() {
  return transactionErrors.error('transaction_not_found', 'There is no such transaction, or it is not yours to see.');
}

function idempotencyKeyOf(request: FastifyRequest): string {
  const key = request.headers['idempotency-key'];
  return typeof key === 'string' ? key : '';
}
