import {
  type Caller,
  type Directory,
  oauthErrors,
  type ResourceGuard,
  type RevocationTarget,
  type RevokingParty,
  requesterOf,
  revocationErrors,
  revokingParties,
  standingRevocationKinds,
} from '@countersign/contracts';
import { defined, parseId } from '@countersign/kernel';
import { described, withScope } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { isRevocationKind } from './entries-of-record.ts';
import type { AdministeredRevocations } from './revocations.ts';

const strict = { additionalProperties: false } as const;
const listQuery = Type.Object(
  {
    after: Type.Optional(Type.String({ pattern: '^(?:0|[1-9][0-9]{0,15})$' })),
    /** Seconds to wait for a newer list. */
    wait: Type.Optional(Type.String({ pattern: '^(?:[0-9]|1[0-9]|2[0-5])$' })),
  },
  strict,
);
const revokeBody = Type.Object(
  {
    kind: Type.Union(
      ['token', 'grant', 'mandate', 'client', 'principal', 'partner'].map((kind) => Type.Literal(kind)),
      { description: 'What to revoke: one token (its jti), or everything issued under, to or for the given id' },
    ),
    id: Type.String({ minLength: 1, maxLength: 256, pattern: '^[\\x21-\\x7e]+$' }),
    reason: Type.String({ minLength: 1, maxLength: 500, description: 'Recorded as evidence: do not name people' }),
  },
  strict,
);

const liftParams = Type.Object({ record: Type.String({ maxLength: 40 }) }, strict);
const liftBody = Type.Object({ reason: revokeBody.properties.reason }, strict);
const revokedAnswer = Type.Object(
  {
    revocation: Type.String({ description: 'Record id, needed to lift it' }),
    active: Type.Boolean({
      description:
        'Whether it blocks new tokens until lifted (mandate, client, principal, institution). A token or grant ends permanently.',
    }),
  },
  { ...strict, title: 'Revocation' },
);
const standingQuery = Type.Object(
  {
    after: Type.Optional(
      Type.String({ maxLength: 512, pattern: '^[\\x21-\\x7e]+$', description: '`next` of the previous page' }),
    ),
    limit: Type.Optional(Type.String({ pattern: '^(?:[1-9][0-9]?|100)$', description: '1 to 100; default 100' })),
  },
  strict,
);
const standingAnswer = Type.Object(
  {
    revocations: Type.Array(
      Type.Object(
        {
          revocation: Type.String({ description: 'Record id, needed to lift it' }),
          kind: Type.Union(standingRevocationKinds.map((kind) => Type.Literal(kind))),
          id: Type.String(),
          party: Type.Union(
            revokingParties.map((party) => Type.Literal(party)),
            { description: 'Who revoked it; an institution cannot lift what the operator has revoked' },
          ),
          at: Type.String({ description: 'RFC 3339' }),
          by: Type.Optional(
            Type.String({ description: 'Principal that revoked it; only for callers who may lift it' }),
          ),
          reason: Type.Optional(Type.String({ description: 'Only for callers who may lift it' })),
        },
        { ...strict, title: 'StandingRevocation' },
      ),
    ),
    next: Type.Optional(Type.String({ description: 'There may be more; continue with `after`' })),
  },
  strict,
);
const liftedAnswer = Type.Object(
  { lifted: Type.String({ description: 'Record id' }) },
  { ...strict, title: 'LiftedRevocation' },
);

/**
 * `GET /revocations`: the signed list, public because it has only digests. `GET /revocations/standing`: not yet lifted, all for the
 * operator, its own for an institution. `POST /revocations`, and `/revocations/:record/lift` by another principal.
 */
export function revocationsRoutes(
  app: FastifyInstance,
  dependencies: {
    readonly revocations: Pick<AdministeredRevocations, 'list' | 'revokeUntilLifted' | 'lift' | 'standing'>;
    readonly guard: ResourceGuard;
    readonly directory: Pick<Directory, 'snapshot'>;
    readonly baseUrl: string;
    /** The URI of this interface; its owner is the operator. */
    readonly resource: string;
  },
): void {
  const { revocations, guard, directory, baseUrl, resource } = dependencies;
  const needs = withScope(guard, baseUrl);

  app.get<{ Querystring: Static<typeof listQuery> }>(
    '/revocations',
    described({
      tag: 'revocations',
      summary: 'Read the signed revocation list',
      description: 'Public, with digests only. With `after` and `wait` it responds as soon as there is a newer list.',
      querystring: listQuery,
      answers: {
        200: {
          description:
            'A JWT with `typ` `revocation-list+jwt`, signed by a key of the key set, valid for at most a minute',
          body: Type.String(),
          mediaType: 'application/revocation-list+jwt',
        },
      },
    }),
    async (request, reply) => {
      const { after, wait } = request.query;
      const list = await revocations.list(after === undefined ? undefined : Number(after), Number(wait ?? 0) * 1000);
      return reply.type('application/revocation-list+jwt').header('cache-control', 'no-store').send(list);
    },
  );

  app.get<StandingRoute>(
    '/revocations/standing',
    described({
      tag: 'revocations',
      summary: 'List revocations that have not been lifted',
      description: 'The operator sees all, another institution its own. A page may be empty and still have `next`.',
      scopes: ['revocation:read'],
      querystring: standingQuery,
      answers: { 200: { description: 'By party, kind and id', body: standingAnswer } },
    }),
    needs<FastifyRequest<StandingRoute>>('revocation:read', async (request, _reply, caller) => {
      const own = partyOf(caller);
      const { after, limit } = request.query;
      const page = await revocations.standing({ after, limit: Number(limit ?? 100) }, (target) =>
        mayEnd(target, caller.institution, own),
      );
      return {
        revocations: page.revocations.map(({ record, kind, id, party, at, by, reason }) => ({
          revocation: record,
          ...{ kind, id, party, at },
          ...(own === 'operator' || party === own ? { by, reason } : {}),
        })),
        ...defined({ next: page.next }),
      };
    }),
  );

  app.post<RevokeRoute>(
    '/revocations',
    described({
      tag: 'revocations',
      summary: 'Revoke tokens',
      description:
        'For the operator; for another institution on its own clients, people and machines, and itself. A mandate, client, principal or institution receives no new tokens until the revocation is lifted.',
      scopes: ['token:revoke'],
      body: revokeBody,
      answers: { 200: { description: 'Revoked here, and on every other node within a second', body: revokedAnswer } },
    }),
    needs<FastifyRequest<RevokeRoute>>('token:revoke', async (request, reply, caller) => {
      const { kind, id, reason } = request.body;
      if (!isRevocationKind(kind)) throw oauthErrors.error('invalid_request', 'The kind is unknown.');
      const party = partyOf(caller);
      const right = { party, mayEnd: (target: RevocationTarget) => mayEnd(target, caller.institution, party) };
      const revocation = await revocations.revokeUntilLifted({ kind, id }, requesterOf(caller), right, reason);
      return reply.status(200).send({ revocation, active: kind !== 'token' && kind !== 'grant' });
    }),
  );

  app.post<LiftRoute>(
    '/revocations/:record/lift',
    described({
      tag: 'revocations',
      summary: 'Lift a revocation',
      description:
        'Permits new tokens again; revoked tokens stay revoked. Needs another principal than the one that revoked, without a common actor, and neither may have invited the other to enrol a key. An institution lifts its own revocations, the operator any.',
      scopes: ['revocation:lift'],
      params: liftParams,
      body: liftBody,
      answers: { 200: { description: 'Lifted on every node', body: liftedAnswer } },
    }),
    needs<FastifyRequest<LiftRoute>>('revocation:lift', async (request, _reply, caller) => {
      const record = parseId('record', request.params.record);
      if (record === undefined)
        throw revocationErrors.error('revocation_unknown', 'Name the record id from the response to the revocation.');
      const own = partyOf(caller);
      const lifted = await revocations.lift(
        record,
        requesterOf(caller),
        (target, party) => own === 'operator' || (party === 'institution' && mayEnd(target, caller.institution, own)),
        request.body.reason,
      );
      return { lifted };
    }),
  );

  /** The operator owns this interface. */
  function partyOf({ institution }: Caller): RevokingParty {
    return directory.snapshot().resource(resource)?.institution === institution ? 'operator' : 'institution';
  }

  /** The operator can revoke anything, another institution its own and itself. */
  function mayEnd(target: RevocationTarget, institution: string, party: RevokingParty): boolean {
    if (party === 'operator') return true;
    const snapshot = directory.snapshot();
    switch (target.kind) {
      case 'client':
        return snapshot.client(target.id)?.institution === institution;
      case 'principal':
        return snapshot.principal(target.id)?.institution === institution;
      case 'partner':
        return target.id === institution;
      case 'token':
      case 'grant':
      case 'mandate':
        return false;
    }
  }
}

type StandingRoute = { Querystring: Static<typeof standingQuery> };
type RevokeRoute = { Body: Static<typeof revokeBody> };
type LiftRoute = { Params: Static<typeof liftParams>; Body: Static<typeof liftBody> };
