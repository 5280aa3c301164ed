import {
  type Authentication,
  actorOf,
  authenticationErrors,
  authenticatorErrors,
  type ListedSession,
  type PersonSignals,
  personSignals,
} from '@countersign/contracts';
import { defined, parseId, visibleLine } from '@countersign/kernel';
import { tiers } from '@countersign/market';
import { described } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import {
  type PeopleDoor,
  peopleDoor,
  person,
  personParams,
  reasonOf,
  type ToPerson,
  tag,
  type WithReason,
} from '../people-routes.ts';

const closed = { additionalProperties: false };
const sessionParams = Type.Object({ person, id: Type.String({ maxLength: 40 }) }, closed);
/** The wait after a recovery protects the person and cannot be shortened. A lock ends by unlocking. */
const clearable = personSignals.filter((name) => name !== 'recovery-cooling-off' && name !== 'account-disabled');
const signalParams = Type.Object({ person, signal: Type.Enum(clearable) }, closed);
const reasonBody = reasonOf(200);
const instant = Type.String({ format: 'date-time' });
const sessionAnswer = Type.Object(
  {
    id: Type.String(),
    acr: Type.String(),
    tier: Type.Enum([...tiers], { description: 'What it is good for' }),
    device: Type.Optional(Type.String({ description: 'The managed device that it began on' })),
    where: Type.Optional(Type.String({ description: 'Browser and address, as they were when it began' })),
    started_at: instant,
    last_seen_at: instant,
    ends_at: instant,
  },
  { title: 'PersonSession', ...closed },
);
const sessionsAnswer = Type.Object(
  {
    person: Type.String(),
    sessions: Type.Array(sessionAnswer),
    signals: Type.Array(Type.Enum([...personSignals]), { description: 'What is unusual about the person now' }),
  },
  { title: 'PersonSessions', ...closed },
);

type ToSession = { Params: Static<typeof sessionParams> };
type ToSignal = { Params: Static<typeof signalParams> };

export interface SessionRoutes extends PeopleDoor {
  readonly authentication: Pick<Authentication, 'sessionsOf' | 'end' | 'endAllOf'>;
  readonly signals?: Pick<PersonSignals, 'of' | 'clear'>;
}

export function sessionRoutes(app: FastifyInstance, { authentication, signals, ...door }: SessionRoutes): void {
  const { needs, personOf } = peopleDoor(door);

  app.get<ToPerson>(
    '/people/:person/sessions',
    described({
      tag,
      summary: 'List where a person is signed in',
      scopes: ['session:read'],
      params: personParams,
      answers: { 200: { description: 'Newest first, with what is unusual about them', body: sessionsAnswer } },
    }),
    needs<FastifyRequest<ToPerson>>('session:read', async ({ params }, reply, caller) => {
      const id = personOf(params.person, caller, 'itself-too');
      reply.header('cache-control', 'no-store');
      return {
        person: id,
        sessions: (await authentication.sessionsOf(id)).map(shown),
        signals: signals?.of(id) ?? [],
      };
    }),
  );

  app.post<ToSession & WithReason>(
    '/people/:person/sessions/:id/end',
    described({
      tag,
      summary: 'End one session of a person',
      scopes: ['session:end'],
      params: sessionParams,
      body: reasonBody,
      answers: { 204: { description: 'It opens nothing any more' } },
    }),
    needs<FastifyRequest<ToSession & WithReason>>('session:end', async ({ params, body }, reply, caller) => {
      const owner = personOf(params.person, caller, 'others');
      const id = parseId('session', params.id);
      if (id === undefined || !(await authentication.sessionsOf(owner)).some(({ session }) => session === id))
        throw authenticationErrors.error('session_unknown', 'This person has no such session; it may have ended.');
      await authentication.end(id, plain(body.reason), actorOf(caller));
      return reply.status(204).send();
    }),
  );

  app.post<ToPerson & WithReason>(
    '/people/:person/sessions/end',
    described({
      tag,
      summary: 'End every session of a person',
      description: 'They can sign in again; to keep them out, lock the account.',
      scopes: ['session:end'],
      params: personParams,
      body: reasonBody,
      answers: {
        200: { description: 'How many ended', body: Type.Object({ ended: Type.Integer({ minimum: 0 }) }, closed) },
      },
    }),
    needs<FastifyRequest<ToPerson & WithReason>>('session:end', async ({ params, body }, _reply, caller) => {
      const owner = personOf(params.person, caller, 'others');
      return { ended: await authentication.endAllOf(owner, plain(body.reason), actorOf(caller)) };
    }),
  );

  if (signals === undefined) return;
  app.post<ToSignal>(
    '/people/:person/signals/:signal/clear',
    described({
      tag,
      summary: 'Say that what was unusual about a person is settled',
      description: 'Policies do not look at it any more. The wait after a recovery cannot be cleared.',
      scopes: ['account:unlock'],
      params: signalParams,
      answers: { 204: { description: 'It does not stand; also when it did not before' } },
    }),
    needs<FastifyRequest<ToSignal>>('account:unlock', async ({ params }, reply, caller) => {
      const id = personOf(params.person, caller, 'others');
      await signals.clear(id, params.signal, caller.subject);
      return reply.status(204).send();
    }),
  );
}

function plain(text: string): string {
  const line = visibleLine(text, Number.POSITIVE_INFINITY);
  if (line === undefined) throw authenticatorErrors.error('invitation_malformed', 'A reason is one line of text.');
  return line;
}

function shown(session: ListedSession): Static<typeof sessionAnswer> {
  const { session: id, acr, tier, device, where, startedAt, lastSeenAt, endsAt } = session;
  return {
    ...{ id, acr, tier },
    ...defined({ device, where }),
    ...{ started_at: startedAt, last_seen_at: lastSeenAt, ends_at: endsAt },
  };
}
