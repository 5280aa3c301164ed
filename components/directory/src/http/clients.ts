import { type Actor, directoryErrors } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import type { Scope } from '@countersign/market';
import { described, type Gate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { DirectoryComponent } from '../directory.ts';
import { changed, clientDocument, judgedByDirectory, noQuery, strict } from './schemas.ts';

const clientId = Type.String({ minLength: 1, maxLength: 64 });
const listQuery = Type.Object(
  { after: Type.Optional(clientId), limit: Type.Optional(Type.String({ pattern: '^([1-9][0-9]{0,2}|1000)$' })) },
  strict,
);
const listAnswer = Type.Object(
  {
    clients: Type.Array(clientDocument, { description: 'Sorted by id, as registered.' }),
    next: Type.Optional(
      Type.String({ description: 'There are more: request the next page with this value as `after`.' }),
    ),
  },
  strict,
);
const idParams = Type.Object({ id: clientId }, strict);
const tag = 'clients';
const made = { 200: { description: 'The changes; empty if there are none', body: changed } };

export function clientRoutes(
  app: FastifyInstance,
  directory: DirectoryComponent,
  gate: Gate<Required<Actor>, Scope>,
): void {
  app.post(
    '/directory/clients',
    {
      ...described({
        tag,
        summary: 'Register or change a client',
        description:
          'The document replaces the one of its id. A client of the environment `production` takes two people: ' +
          'propose the change instead.',
        scopes: ['directory:apply'],
        querystring: noQuery,
        body: clientDocument,
        answers: made,
      }),
      ...judgedByDirectory(noQuery),
      ...gate.needs('directory:apply'),
    },
    async (request) => directory.edit({ put: { clients: [request.body] } }, gate.callerOf(request)),
  );

  app.delete<{ Params: Static<typeof idParams> }>(
    '/directory/clients/:id',
    {
      ...described({
        tag,
        summary: 'Remove a client',
        description: 'Everything issued to it ends as well.',
        scopes: ['directory:apply'],
        params: idParams,
        answers: made,
      }),
      ...gate.needs('directory:apply'),
    },
    async (request) => {
      const { id } = request.params;
      const answer = await directory.edit({ remove: [{ kind: 'client', id }] }, gate.callerOf(request));
      if (answer.changes.length === 0)
        throw directoryErrors.error('entity_not_found', 'The directory has no client with this id.');
      return answer;
    },
  );

  app.get<{ Querystring: Static<typeof listQuery> }>(
    '/directory/clients',
    {
      ...described({
        tag,
        summary: 'List clients',
        description: "Those of the caller's institution; the operator sees all.",
        scopes: ['directory:read'],
        querystring: listQuery,
        answers: { 200: { description: 'One page', body: listAnswer } },
      }),
      ...gate.needs('directory:read'),
    },
    async (request) => {
      const { institution } = gate.callerOf(request);
      const { after, limit: text = '100' } = request.query;
      const limit = Number(text);
      const found = directory.clients({
        ...(directory.isOperator(institution) ? {} : { institution }),
        ...defined({ after }),
        limit: limit + 1,
      });
      const clients = found.slice(0, limit);
      return { clients, ...(found.length > limit ? { next: clients.at(-1)?.['id'] } : {}) };
    },
  );
}
