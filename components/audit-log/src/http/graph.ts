import type { Caller } from '@countersign/contracts';
import { drawGraph, nodeKinds } from '@countersign/evidence';
import { type AccessRequest, described, idSchema, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { createGraphReading } from '../reading/read-graph.ts';
import { type ReadingRoutes, readerOf, readTransaction, transactionId } from './reading-request.ts';

const closed = { additionalProperties: false };
const graphParams = Type.Object({ id: transactionId }, closed);
const record = Type.String({ description: 'Id of the record that proves it' });

const graphAnswer = Type.Object(
  {
    graph: Type.Object(
      {
        transaction: idSchema('transaction'),
        nodes: Type.Array(
          Type.Object(
            {
              id: Type.String(),
              kind: Type.Enum([...nodeKinds]),
              label: Type.String(),
              detail: Type.Optional(Type.String()),
              outcome: Type.Optional(Type.Enum(['permit', 'deny'])),
              at: Type.String({ description: 'When the log first heard of it' }),
              records: Type.Array(record),
            },
            closed,
          ),
        ),
        edges: Type.Array(
          Type.Object(
            {
              from: Type.String(),
              to: Type.String(),
              says: Type.String({ description: 'Reads as a sentence from one to the other' }),
              record,
              index: Type.String({ description: 'Place of that record in the log' }),
              main: Type.Boolean({ description: 'Of the chain of authority itself; others are left out of drawings' }),
            },
            closed,
          ),
        ),
        records: Type.Integer({ minimum: 0 }),
        leftOut: Type.Integer({ minimum: 0, description: 'Records with more than the graph may hold' }),
      },
      closed,
    ),
    evidence: Type.String({ description: 'The record of this reading' }),
  },
  { ...closed, title: 'EvidenceGraph' },
);

type GraphRequest = FastifyRequest<{ Params: Static<typeof graphParams> }>;

export function graphRoutes(app: FastifyInstance, { guard, baseUrl, ...dependencies }: ReadingRoutes): void {
  const read = createGraphReading(dependencies);
  const mayRead = (request: AccessRequest) => guard.check(request, { scope: 'audit:read' });
  const shared = {
    tag: 'evidence',
    description:
      'Of the same records as the export, as far as the reader may see them, by what they say in the open. Recorded before it is answered.',
    scopes: ['audit:read'],
    params: graphParams,
  } as const;

  app.get(
    '/evidence/transactions/:id/graph',
    described({
      ...shared,
      summary: 'Rebuild the chain of authority of a transaction',
      answers: { 200: { description: 'Nodes, and edges with the record that proves each', body: graphAnswer } },
    }),
    withCaller<Caller, GraphRequest>(mayRead, baseUrl, async (request, _reply, caller) =>
      read(readTransaction(request.params.id), readerOf(request, caller)),
    ),
  );

  app.get(
    '/evidence/transactions/:id/graph.svg',
    described({
      ...shared,
      summary: 'Draw the chain of authority of a transaction',
      answers: { 200: { description: 'A picture', body: Type.String(), mediaType: 'image/svg+xml' } },
    }),
    withCaller<Caller, GraphRequest>(mayRead, baseUrl, async (request, reply, caller) => {
      const { graph } = await read(readTransaction(request.params.id), readerOf(request, caller));
      return (
        reply
          .type('image/svg+xml')
          // Opened by itself, an SVG is a document and must not run content from a record.
          .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; sandbox")
          .send(drawGraph(graph))
      );
    }),
  );
}
