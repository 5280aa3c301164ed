import { type Authenticator, actorOf, authenticatorErrors } from '@countersign/contracts';
import { defined, parseId } from '@countersign/kernel';
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
import type { RunningAuthenticators } from './authenticators.ts';

const closed = { additionalProperties: false };
const authenticatorParams = Type.Object({ person, id: Type.String({ maxLength: 40 }) }, closed);
const reasonBody = reasonOf(400);
const inviteBody = Type.Object(
  {
    evidence: Type.Array(Type.String({ minLength: 1, maxLength: 200 }), {
      minItems: 1,
      maxItems: 10,
      description: 'References to what proved who the person is: a file number, a record',
    }),
    life_hours: Type.Optional(Type.Integer({ minimum: 1, maximum: 72, description: 'default 24' })),
  },
  closed,
);
const instant = Type.String({ format: 'date-time' });
const invitationAnswer = Type.Object(
  {
    url: Type.String({ description: 'For the person only; shown once' }),
    expires_at: instant,
    record_id: Type.String(),
  },
  { title: 'Invitation', ...closed },
);
const authenticatorAnswer = Type.Object(
  {
    id: Type.String(),
    name: Type.String({ description: 'Given by the person' }),
    acr: Type.String({ description: '`phr`, or `phrh` for one that cannot be copied' }),
    aaguid: Type.String(),
    model: Type.Optional(Type.String()),
    backup_eligible: Type.Boolean(),
    attested: Type.Boolean(),
    registered_at: instant,
    last_used_at: Type.Optional(instant),
    suspended_at: Type.Optional(Type.String({ format: 'date-time', description: 'There may be a copy of the key' })),
    record_id: Type.String(),
  },
  { title: 'Authenticator', ...closed },
);
const accountAnswer = Type.Object(
  { person: Type.String(), locked: Type.Boolean(), authenticators: Type.Array(authenticatorAnswer) },
  { title: 'AccountState', ...closed },
);

type ToAuthenticator = { Params: Static<typeof authenticatorParams> };

export interface PeopleRoutes extends PeopleDoor {
  readonly authenticators: RunningAuthenticators;
}

/** Account administration under `/people`, never for oneself. */
export function peopleRoutes(app: FastifyInstance, { authenticators, ...door }: PeopleRoutes): void {
  const { needs, personOf } = peopleDoor(door);

  app.get<ToPerson>(
    '/people/:person/authenticators',
    described({
      tag,
      summary: 'List the security keys and passkeys of a person',
      scopes: ['authenticator:read'],
      params: personParams,
      answers: { 200: { description: 'The current ones', body: accountAnswer } },
    }),
    needs<FastifyRequest<ToPerson>>('authenticator:read', async ({ params }, _reply, caller) => {
      const id = personOf(params.person, caller, 'itself-too');
      const locked = await authenticators.isLocked(id);
      return { person: id, locked, authenticators: (await authenticators.of(id)).map(shown) };
    }),
  );

  app.post<ToPerson & { Body: Static<typeof inviteBody> }>(
    '/people/:person/invitations',
    described({
      tag,
      summary: 'Invite a person to register their first authenticator',
      description:
        'Refused with `recovery_needed` if the person has or had a key: they add another with an existing key, or need a ' +
        'recovery. A new invitation replaces the previous one.',
      scopes: ['authenticator:invite'],
      params: personParams,
      body: inviteBody,
      answers: { 201: { description: 'A link for the person only', body: invitationAnswer } },
    }),
    needs<FastifyRequest<ToPerson & { Body: Static<typeof inviteBody> }>>(
      'authenticator:invite',
      async ({ params, body }, reply, caller) => {
        const invited = personOf(params.person, caller, 'others');
        if (door.directory.snapshot().principal(invited) === undefined)
          throw authenticatorErrors.error('person_not_yours', 'This person is no longer in the directory.');
        const { path, expiresAt, recordId } = await authenticators.invite(
          { person: invited, evidence: body.evidence, ...defined({ lifeHours: body.life_hours }) },
          actorOf(caller),
        );
        const [origin = ''] = authenticators.settings.relyingParty.origins;
        return reply
          .status(201)
          .header('cache-control', 'no-store')
          .send({ url: origin + path, expires_at: expiresAt, record_id: recordId });
      },
    ),
  );

  app.post<ToAuthenticator & WithReason>(
    '/people/:person/authenticators/:id/revoke',
    described({
      tag,
      summary: 'Revoke an authenticator',
      scopes: ['authenticator:revoke'],
      params: authenticatorParams,
      body: reasonBody,
      answers: { 204: { description: 'Revoked' } },
    }),
    needs<FastifyRequest<ToAuthenticator & WithReason>>(
      'authenticator:revoke',
      async ({ params, body }, reply, caller) => {
        const owner = personOf(params.person, caller, 'others');
        const id = parseId('authenticator', params.id);
        if (id === undefined || !(await authenticators.of(owner)).some((each) => each.id === id))
          throw authenticatorErrors.error('authenticator_not_found', 'This person has no such key.');
        await authenticators.revoke(id, actorOf(caller), body.reason);
        return reply.status(204).send();
      },
    ),
  );

  app.post<ToPerson & WithReason>(
    '/people/:person/authenticators/revoke',
    described({
      tag,
      summary: 'Revoke all authenticators of a person',
      description: 'Open invitations, sessions and tokens end with them. The person then needs a recovery.',
      scopes: ['authenticator:revoke'],
      params: personParams,
      body: reasonBody,
      answers: {
        200: {
          description: 'Number of revoked authenticators',
          body: Type.Object({ revoked: Type.Integer({ minimum: 0 }) }, closed),
        },
      },
    }),
    needs<FastifyRequest<ToPerson & WithReason>>('authenticator:revoke', async ({ params, body }, _reply, caller) => ({
      revoked: await authenticators.disarm(personOf(params.person, caller, 'others'), actorOf(caller), body.reason),
    })),
  );

  for (const verb of ['lock', 'unlock'] as const)
    app.post<ToPerson & WithReason>(
      `/people/:person/${verb}`,
      described({
        tag,
        summary: verb === 'lock' ? 'Lock an account' : 'Unlock an account',
        description:
          verb === 'lock'
            ? 'Ends all sessions, and refuses sign-ins and signatures until the account is unlocked.'
            : 'The keys are accepted again. Ended sessions and tokens stay ended.',
        scopes: [`account:${verb}`],
        params: personParams,
        body: reasonBody,
        answers: { 204: { description: 'Done, or already the case' } },
      }),
      needs<FastifyRequest<ToPerson & WithReason>>(`account:${verb}`, async ({ params, body }, reply, caller) => {
        await authenticators[verb](personOf(params.person, caller, 'others'), actorOf(caller), body.reason);
        return reply.status(204).send();
      }),
    );
}

function shown(authenticator: Authenticator): Static<typeof authenticatorAnswer> {
  const { id, name, acr, aaguid, model, backupEligible, attested } = authenticator;
  const { registeredAt, lastUsedAt, suspendedAt, recordId } = authenticator;
  return {
    ...{ id, name, acr, aaguid, backup_eligible: backupEligible, attested, registered_at: registeredAt },
    ...defined({ model, last_used_at: lastUsedAt, suspended_at: suspendedAt }),
    record_id: recordId,
  };
}
