import type { Caller } from '@countersign/contracts';
import { type AccessRequest, described, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { recordList } from '../answers.ts';
import { createReading } from '../reading/read-records.ts';
import {
  disclosureParameters,
  queryParameters,
  type ReadingRoutes,
  readDisclosure,
  readerOf,
  readQuery,
} from './reading-request.ts';

const closed = { additionalProperties: false };

const recordsQuery = Type.Object(
  {
    ...queryParameters,
    limit: Type.Optional(Type.String({ pattern: '^(?:[1-9]\\d{0,2}|1000)$' })),
    ...disclosureParameters,
  },
  closed,
);

type RecordsRequest = FastifyRequest<{ Querystring: Static<typeof recordsQuery> }>;

export function recordRoutes(app: FastifyInstance, { guard, baseUrl, ...dependencies }: ReadingRoutes): void {
  const read = createReading(dependencies);
  const mayRead = (request: AccessRequest) => guard.check(request, { scope: 'audit:read' });

  app.get(
    '/evidence/records',
    described({
      tag: 'evidence',
      summary: 'Read records',
      description:
        'Oldest first; more with `after` the `next` of the answer. Who is not of the operator sees what concerns their own institution. Each reading is recorded before it is answered. Protected values need the scope `audit:disclose` as well.',
      scopes: ['audit:read'],
      furtherScopes: ['audit:disclose'],
      querystring: recordsQuery,
      answers: { 200: { description: 'One page', body: recordList } },
    }),
    withCaller<Caller, RecordsRequest>(mayRead, baseUrl, async (request, _reply, caller) => {
      const { query } = request;
      const answer = await read(
        { ...readQuery(query), limit: query.limit === undefined ? 100 : Number(query.limit) },
        readerOf(request, caller),
        readDisclosure(query),
      );
      return {
        records: answer.records.map(({ index, record, values, disclosures }) => ({
          index: index.toString(),
          record,
          ...(Object.keys(values).length === 0 ? {} : { values }),
          ...(disclosures.length === 0 ? {} : { disclosures }),
        })),
        ...(answer.next === undefined ? {} : { next: answer.next.toString() }),
        evidence: answer.evidence,
      };
    }),
  );
}
