import { auditLogErrors, recordSchema, recordSchemaList, recordTypes } from '@countersign/contracts';
import { described } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';

const closed = { additionalProperties: false };
const list = Type.Object(
  {
    schemas: Type.Array(
      Type.Object(
        { type: Type.Enum([...recordTypes]), id: Type.String(), about: Type.String(), url: Type.String() },
        closed,
      ),
    ),
  },
  closed,
);
const typeParameter = Type.Object({ type: Type.String({ maxLength: 64 }) }, closed);

export function schemaRoutes(app: FastifyInstance, { baseUrl }: { readonly baseUrl: string }): void {
  app.get(
    '/evidence/schemas',
    described({
      tag: 'evidence',
      summary: 'List the schemas of records',
      description: 'One for each type of record, each with its version in its id.',
      answers: { 200: { description: 'All there are', body: list } },
    }),
    async (_request, reply) =>
      reply.header('cache-control', 'public, max-age=300').send({
        schemas: recordSchemaList().map((schema) => ({ ...schema, url: `${baseUrl}/evidence/schemas/${schema.type}` })),
      }),
  );

  app.get(
    '/evidence/schemas/:type',
    described({
      tag: 'evidence',
      summary: 'Read the schema of a type of record',
      description: 'JSON Schema (2020-12) of the record as it is in the log. It refers to no other document.',
      params: typeParameter,
      answers: {
        200: {
          description: 'A JSON Schema',
          body: Type.Record(Type.String(), Type.Unknown()),
          mediaType: 'application/schema+json',
        },
      },
    }),
    async (request: FastifyRequest<{ Params: { readonly type: string } }>, reply) => {
      const type = recordTypes.find((known) => known === request.params.type);
      if (type === undefined) throw auditLogErrors.error('record_not_found', 'There is no such type of record.');
      return reply
        .type('application/schema+json')
        .header('cache-control', 'public, max-age=300')
        .send(JSON.stringify(recordSchema(type)));
    },
  );
}
