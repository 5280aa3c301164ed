import {
  accessErrors,
  type Caller,
  type TransactionEvent,
  transactionErrors,
  transactionEvents,
} from '@countersign/contracts';
import { defined, type TransactionId } from '@countersign/kernel';
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
import {
  closed,
  idParams,
  readScopes,
  scopeHeld,
  type TransactionRegistryRoutes,
  tag,
  transactionIdOf,
  visibleTo,
  type WithId,
} from './http-parts.ts';
import { lifeCycleOfType } from './life-cycles/index.ts';
import { scopesOfEvent, scopesOfEvents, shownTo } from './shown.ts';

const transitionBody = Type.Object(
  {
    event: Type.Enum([...transactionEvents]),
    body: Type.Record(Type.String({ maxLength: 64 }), Type.Unknown(), { maxProperties: 16 }),
  },
  closed,
);
const transitionScopes = scopesOfEvents(transactionEvents);

type TransitionRoute = WithId & { Body: Static<typeof transitionBody> };

export function transactionRegistryRoutes(
  app: FastifyInstance,
  { transactions, guard, baseUrl, envelopeKeys }: TransactionRegistryRoutes,
): void {
  approvalRoutes(app, { transactions, guard, baseUrl });
  envelopeRoutes(app, { transactions, guard, baseUrl, envelopeKeys });
  exceptionRoutes(app, { transactions, guard, baseUrl });

  /** The scope that this step needs. The same event can need different scopes in different life cycles. */
  async function scopeNeeded(id: TransactionId, event: TransactionEvent, caller: Caller): Promise<Scope | undefined> {
    const [only, ...others] = scopesOfEvent(event);
    if (others.length === 0) return only;
    const facts = await transactions.facts(id);
    if (facts === undefined || !isAuthorizationDetailType(facts.intentType)) return undefined;
    // For other institutions the registry answers that the transaction does not exist; do not reveal it here.
    if (!(await transactions.parties(id)).includes(caller.institution)) return undefined;
    const scope = lifeCycleOfType(facts.intentType).rules[event]?.scope;
    if (scope !== undefined && !caller.scope.includes(scope))
      throw accessErrors.error('insufficient_scope', `The access token does not hold the scope ${scope}.`);
    return scope;
  }

  app.get<WithId>(
    '/transactions/:id',
    described({
      tag,
      summary: 'Read a transaction',
      description:
        'For the institution of the initiator and the parties: those an order lists, and others once they have a step to ' +
        'take. Initiator and approvers are shown to their own institution only; a firm that is asked for a quote does not ' +
        'see the limits of the request.',
      scopes: readScopes,
      params: idParams,
      answers: { 200: { description: 'Its state, its intent and its valid approvals', body: transactionAnswer } },
    }),
    withCaller<Caller, FastifyRequest<WithId>>(
      (request) => guard.check(request, { scope: scopeHeld(request, readScopes) }),
      baseUrl,
      async (request, _reply, caller) =>
        shownTo(await visibleTo(caller, request.params.id, transactions), caller.institution),
    ),
  );

  app.get<WithId>(
    '/transactions/:id/history',
    described({
      tag,
      summary: 'Read the history of a transaction',
      description: 'The receipt of every step, oldest first, for the parties to it.',
      scopes: readScopes,
      params: idParams,
      answers: { 200: { description: 'Its steps', body: historyAnswer } },
    }),
    withCaller<Caller, FastifyRequest<WithId>>(
      (request) => guard.check(request, { scope: scopeHeld(request, readScopes) }),
      baseUrl,
      async (request, _reply, caller) => {
        const { id } = await visibleTo(caller, request.params.id, transactions);
        return { steps: await transactions.history(id) };
      },
    ),
  );

  app.post<TransitionRoute>(
    '/transactions/:id/transitions',
    described({
      tag,
      summary: 'Take a step of a transaction',
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
      answers: { 200: { description: 'The receipt; for a repeated request, the first receipt', body: receiptAnswer } },
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
          authentication: defined({ acr: caller.acr, authTime: caller.authTime }),
        });
      },
      { needsBody: true },
    ),
  );
}

/** The scopes of the event in a body; for an unknown event any step scope, because the body is validated afterwards. */
function scopesAskedFor(body: unknown): readonly [Scope, ...Scope[]] {
  const event = typeof body === 'object' && body !== null && 'event' in body ? body.event : undefined;
  const known = transactionEvents.find((each) => each === event);
  return known === undefined ? transitionScopes : scopesOfEvent(known);
}

/**
 * A token for a transaction or steps is valid for these only; one without a transaction can only cancel. Checked again
 * here.
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
      `The access token names no transaction. Request one with the authorization detail ${transactionStepType}.`,
    );
  }
  if (transaction !== asked.transaction)
    throw notPermitted('token_transaction', 'The access token was issued for another transaction.');
  if (detail !== undefined && isTransactionStep(detail) && !detail.actions.includes(asked.event))
    throw notPermitted('token_step', `The access token is for other steps: ${detail.actions.join(', ')}.`);
}

function needsTransaction(scope: Scope): boolean {
  return changesMarket(scope) || kindOfScope(scope) === 'approving';
}

function notPermitted(code: string, detail: string) {
  return transactionErrors.error('transition_not_permitted', detail, { facts: { reasons: [{ code, detail }] } });
}

function idempotencyKeyOf(request: FastifyRequest): string {
  const key = request.headers['idempotency-key'];
  return typeof key === 'string' ? key : '';
}
