import { type Caller, exceptionErrors, requesterOf } from '@countersign/contracts';
import { defined, parseId, type TransactionId } from '@countersign/kernel';
import { described, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { exceptionAnswer, exceptionList } from './answers.ts';
import { closed, id, idParams, scopeHeld, type TransactionRegistryRoutes, tag } from './http-parts.ts';
import { exceptionShownTo } from './shown.ts';

const exceptionQuery = Type.Object(
  {
    transaction: Type.Optional(id),
    status: Type.Optional(Type.Enum(['open', 'resolved'])),
    own: Type.Optional(
      Type.Enum(['true', 'false'], { description: 'Only exceptions that the institution of the caller must resolve' }),
    ),
    overdue: Type.Optional(Type.Enum(['true', 'false'])),
  },
  closed,
);
const resolutionBody = Type.Object(
  {
    kind: Type.String({ maxLength: 32, description: '`fresh-mandate`, `restored`, `accepted` or `abandoned`' }),
    reason: Type.String({ maxLength: 256, description: 'Stays in the evidence permanently; must not name people' }),
    mandate: Type.Optional(Type.String({ maxLength: 40, description: 'With `fresh-mandate`' })),
  },
  closed,
);

/** `settlement:read` too, because an exception may hold up a settlement. */
const readScopes = ['exception:read', 'settlement:read'] as const;

type ExceptionRoute = { Querystring: Static<typeof exceptionQuery> };
type ResolveRoute = { Params: Static<typeof idParams>; Body: Static<typeof resolutionBody> };

export function exceptionRoutes(
  app: FastifyInstance,
  { transactions, guard, baseUrl }: Pick<TransactionRegistryRoutes, 'transactions' | 'guard' | 'baseUrl'>,
): void {
  app.get<ExceptionRoute>(
    '/transactions/exceptions',
    described({
      tag,
      summary: 'List exceptions',
      description:
        'Exceptions of transactions that the institution of the caller is a party to. Only the owner sees the description ' +
        'and who resolved it.',
      scopes: readScopes,
      querystring: exceptionQuery,
      answers: { 200: { description: 'At most 1,000', body: exceptionList } },
    }),
    withCaller<Caller, FastifyRequest<ExceptionRoute>>(
      (request) => guard.check(request, { scope: scopeHeld(request, readScopes) }),
      baseUrl,
      async (request, _reply, caller) => {
        const { transaction, status, own, overdue } = request.query;
        const exceptions = await transactions.exceptions({
          party: caller.institution,
          ...(transaction === undefined ? {} : { transaction: transactionIdOf(transaction) }),
          ...defined({ status }),
          ...(own === 'true' ? { owner: caller.institution } : {}),
          ...(overdue === undefined ? {} : { overdue: overdue === 'true' }),
        });
        return { exceptions: exceptions.map((exception) => exceptionShownTo(exception, caller.institution)) };
      },
    ),
  );

  app.post<ResolveRoute>(
    '/transactions/exceptions/:id/resolution',
    described({
      tag,
      summary: 'Resolve an exception',
      description:
        'By a person of its owner with the role compliance, operations, risk or supervisor, who had no part in the ' +
        'transaction. `fresh-mandate` replaces the lapsed mandate; `restored` states that the cause is gone, which is ' +
        'checked; `accepted` accepts the report of a partner, or takes over the transaction of a person who left; ' +
        '`abandoned` cancels the transaction, or marks it as failed.',
      scopes: ['exception:resolve'],
      params: idParams,
      body: resolutionBody,
      answers: { 200: { description: 'The exception, resolved', body: exceptionAnswer } },
    }),
    withCaller<Caller, FastifyRequest<ResolveRoute>>(
      (request) => guard.check(request, { scope: 'exception:resolve' }),
      baseUrl,
      async (request, _reply, caller) => {
        const exception = parseId('exception', request.params.id);
        if (exception === undefined) throw notFound();
        const { kind, reason, mandate } = request.body;
        return transactions.resolveException(exception, { kind, reason, ...defined({ mandate }) }, requesterOf(caller));
      },
    ),
  );
}

function transactionIdOf(text: string): TransactionId {
  const transaction = parseId('transaction', text);
  if (transaction === undefined) throw notFound();
  return transaction;
}

function notFound() {
  return exceptionErrors.error('exception_not_found', 'The exception does not exist, or you have no access to it.');
}
