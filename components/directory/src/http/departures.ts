import { type Actor, type Departure, directoryErrors } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import type { Scope } from '@countersign/market';
import { described, type Gate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { DirectoryComponent } from '../directory.ts';
import { departure, departureStatus, holdings, leaveBody, moveBody, noQuery, strict } from './schemas.ts';

const idParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 128 }) }, strict);
const listQuery = Type.Object({ status: Type.Optional(departureStatus) }, strict);
const tag = 'departures';
type WithId = { Params: Static<typeof idParams> };

export function departureRoutes(
  app: FastifyInstance,
  directory: DirectoryComponent,
  gate: Gate<Required<Actor>, Scope>,
): void {
  app.post<WithId & { Body: Static<typeof leaveBody> }>(
    '/directory/principals/:id/leave',
    {
      ...described({
        tag,
        summary: 'Have a principal leave',
        description:
          'Removes it with its credentials and clients, and ends everything it held. Anything that cannot be ended now is retried. ' +
          'Repeating the request has no further effect.',
        scopes: ['directory:apply'],
        params: idParams,
        querystring: noQuery,
        body: leaveBody,
        answers: { 200: { description: 'How far it has come', body: departure } },
      }),
      ...gate.needs('directory:apply'),
    },
    async (request) =>
      shownDeparture(await directory.leave(request.params.id, gate.callerOf(request), request.body.reason)),
  );

  app.post<WithId & { Body: Static<typeof moveBody> }>(
    '/directory/principals/:id/move',
    {
      ...described({
        tag,
        summary: 'Move a person',
        description: 'To another desk or other roles. Sessions and tokens end, and the person signs in again.',
        scopes: ['directory:apply'],
        params: idParams,
        querystring: noQuery,
        body: moveBody,
        answers: { 200: { description: 'How far it has come', body: departure } },
      }),
      ...gate.needs('directory:apply'),
    },
    async (request) => {
      const { reason, ...to } = request.body;
      return shownDeparture(await directory.move(request.params.id, to, gate.callerOf(request), reason));
    },
  );

  app.get<{ Querystring: Static<typeof listQuery> }>(
    '/directory/departures',
    {
      ...described({
        tag,
        summary: 'List departures',
        description: 'The newest thousand, newest first. For the operator only; others receive an empty list.',
        scopes: ['directory:read'],
        querystring: listQuery,
        answers: {
          200: {
            description: 'Carried through or not',
            body: Type.Object({ departures: Type.Array(departure) }, strict),
          },
        },
      }),
      ...gate.needs('directory:read'),
    },
    async (request) => {
      const { status } = request.query;
      if (!directory.isOperator(gate.callerOf(request).institution)) return { departures: [] };
      const found = await directory.departures(status === undefined ? {} : { status });
      return { departures: found.map(shownDeparture) };
    },
  );

  app.get<WithId>(
    '/directory/principals/:id',
    {
      ...described({
        tag: 'directory',
        summary: 'Read what a principal holds',
        description:
          'Who it is and where, its clients, devices and short codes, and the algorithms it certified or developed. For its ' +
          'institution and the operator.',
        scopes: ['directory:read'],
        params: idParams,
        answers: { 200: { description: 'Everything that hangs on it', body: holdings } },
      }),
      ...gate.needs('directory:read'),
    },
    async (request) => {
      const { institution } = gate.callerOf(request);
      const held = directory.holdings(request.params.id);
      if (held === undefined || (held.institution !== institution && !directory.isOperator(institution)))
        throw directoryErrors.error('principal_not_found', 'The directory has no such principal.');
      const { shortCodes, ...rest } = held;
      return { ...rest, short_codes: shortCodes };
    },
  );
}

function shownDeparture({ recordId, effects, ...rest }: Departure): Static<typeof departure> {
  return {
    ...rest,
    record_id: recordId,
    effects: effects.map(({ lastFailure, ...effect }) => ({
      ...effect,
      ...defined({ last_failure: lastFailure }),
    })),
  };
}
