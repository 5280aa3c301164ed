import { auditLogErrors, type Caller, type RecordType, type ResourceGuard, recordTypes } from '@countersign/contracts';
import { type AccessRequest, described, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { recordList } from '../answers.ts';
import type { RunningAuditLog } from '../audit-log.ts';
import { readTransaction, transactionId } from './parameters.ts';

const closed = { additionalProperties: false };
const recordsQuery = Type.Object(
  {
    transaction: Type.Optional(transactionId),
    type: Type.Optional(Type.String({ maxLength: 64 })),
    after: Type.Optional(Type.String({ pattern: '^(?:0|[1-9]\\d{0,17})$' })),
    limit: Type.Optional(Type.String({ pattern: '^[1-9]\\d{0,3}$' })),
  },
  closed,
);

type RecordsRequest = FastifyRequest<{ Querystring: Static<typeof recordsQuery> }>;

/** Records, found by what they are about. */
export function recordRoutes(
  app: FastifyInstance,
  {
    auditLog,
    guard,
    baseUrl,
  }: { readonly auditLog: RunningAuditLog; readonly guard: ResourceGuard; readonly baseUrl: string },
): void {
  const may = (scope: string) => (request: AccessRequest) => guard.check(request, { scope });

  app.get(
    '/evidence/records',
    described({
      tag: 'evidence',
      summary: 'Read records',
      description: 'Oldest first. More: ask again with `after` the last index.',
      scopes: ['audit:read'],
      querystring: recordsQuery,
      answers: { 200: { description: 'One page', body: recordList } },
    }),
    withCaller<Caller, RecordsRequest>(may('audit:read'), baseUrl, async ({ query }) => {
      const type = readType(query.type);
      const found = await auditLog.search({
        ...(query.transaction === undefined ? {} : { transaction: readTransaction(query.transaction) }),
        ...(type === undefined ? {} : { type }),
        ...(query.after === undefined ? {} : { after: BigInt(query.after) }),
        limit: query.limit === undefined ? 100 : Number(query.limit),
      });
      return { records: found.map(({ index, record }) => ({ index: index.toString(), record })) };
    }),
  );
}

function readType(text: string | undefined): RecordType | undefined {
  if (text === undefined) return undefined;
  const type = recordTypes.find((known) => known === text);
  if (type === undefined) throw auditLogErrors.error('record_not_found', 'There are no records of this type.');
  return type;
}
