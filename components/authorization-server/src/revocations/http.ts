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
import { parseId } from '@countersign/kernel';
import { described, withScope } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { isRevocationKind } from './entries-of-record.ts';
import type { AdministeredRevocations } from './revocations.ts';

const strict = { additionalProperties: false } as const;
const listQuery = Type.Object(
  {
    after: Type.Optional(Type.String({ pattern: '^(?:0|[1-9][0-9]{0,15})$' })),
    /** Seconds to wait for a list newer than `after`. */
    wait: Type.Optional(Type.String({ pattern: '^(?:[0-9]|1[0-9]|2[0-5])$' })),
  },
  strict,
);
const revokeBody = Type.Object(
  {
    kind: Type.Union(
      ['token', 'grant', 'mandate', 'client', 'principal', 'partner'].map((kind) => Type.Literal(kind)),
      { description: 'What ends: one token (its jti), or everything issued under, to or for the one named' },
    ),
    id: Type.String({ minLength: 1, maxLength: 256, pattern: '^[\\x21-\\x7e]+$' }),
    reason: Type.String({
      minLength: 1,
      maxLength: 500,
      description: 'Stays in the evidence: it must not name people',
    }),
  },
  strict,
);

const liftParams = Type.Object({ record: Type.String({ maxLength: 40 }) }, strict);
const liftBody = Type.Object({ reason: revokeBody.properties.reason }, strict);
const revokedAnswer = Type.Object(
  {
    revocation: Type.String({ description: 'Its record, by which it is lifted' }),
    stands: Type.Boolean({
      description:
        'Whether it stands until it is lifted: nothing new is issued to a mandate, client, principal or institution. A token and a grant end for good.',
    }),
  },
  { ...strict, title: 'Revocation' },
);
const standingQuery = Type.Object(
  {
    after: Type.Optional(
      Type.String({ maxLength: 512, pattern: '^[\\x21-\\x7e]+$', description: '`next` of the page before' }),
    ),
    limit: Type.Optional(Type.String({ pattern: '^(?:[1-9][0-9]?|100)$', description: '1 to 100; 100 when left out' })),
  },
  strict,
);
const standingAnswer = Type.Object(
  {
    revocations: Type.Array(
      Type.Object(
        {
          revocation: Type.String({ description: 'Its record, by which it is lifted' }),
          kind: Type.Union(standingRevocationKinds.map((kind) => Type.Literal(kind))),
          id: Type.String(),
          party: Type.Union(
            revokingParties.map((party) => Type.Literal(party)),
            { description: 'By whom it was revoked: an institution does not lift what the operator has revoked' },
          ),
          at: Type.String({ description: 'RFC 3339' }),
          by: Type.Optional(Type.String({ description: 'Who revoked it; told to those who may lift it' })),
          reason: Type.Optional(Type.String({ description: 'Told to those who may lift it' })),
        },
        { ...strict, title: 'StandingRevocation' },
      ),
    ),
    next: Type.Optional(Type.String({ description: 'There may be more: ask with `after`' })),
  },
  strict,
);
const liftedAnswer = Type.Object(
  { lifted: Type.String({ description: 'The record of lifting it' }) },
  { ...strict, title: 'LiftedRevocation' },
);

/**
 * `GET /revocations`: the signed list. It is public, like a certificate revocation list, because it contains only digests.
 * `GET /revocations/standing`: revocations that have not been lifted; the operator sees all, an institution its own.
 * `POST /revocations`: ends what was issued and blocks new tokens until lifted; for the operator, and for an institution on
 * its own targets.
 * `POST /revocations/:record/lift`: lifts a revocation; requires another principal and a separate scope.
 */
export function revocationsRoutes(
  app: FastifyInstance,
  {
    revocations,
    guard,
    directory,
    baseUrl,
    resource,
  }: {
    readonly revocations: Pick<AdministeredRevocations, 'list' | 'revokeUntilLifted' | 'lift' | 'standing'>;
    readonly guard: ResourceGuard;
    readonly directory: Pick<Directory, 'snapshot'>;
    readonly baseUrl: string;
    /** The URI of this interface; its owner is the operator. */
    readonly resource: string;
  },
): void {
  const needs = withScope(guard, baseUrl);

  app.get<{ Querystring: Static<typeof listQuery> }>(
    '/revocations',
    described({
      tag: 'revocations',
      summary: 'Read the signed revocation list',
      description:
        'Public: it holds digests alone. With `after` and `wait` it answers as soon as there is something newer.',
      querystring: listQuery,
      answers: {
        200: {
          description: 'A JWT with `typ` `revocation-list+jwt`, by a key of the key set; good for a minute at most',
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
      summary: 'List what is revoked until it is lifted',
      description:
        'The operator sees all of it, another institution what is its own. A page may be empty and have a `next` all the same.',
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
        ...(page.next === undefined ? {} : { next: page.next }),
      };
    }),
  );

  app.post<RevokeRoute>(
    '/revocations',
    described({
      tag: 'revocations',
      summary: 'End what was issued',
      description:
        'By the operator; by another institution what is its own: its clients, people and machines, itself. A mandate, client, principal or institution gets nothing new until the revocation is lifted.',
      scopes: ['token:revoke'],
      body: revokeBody,
      answers: { 200: { description: 'It has ended here; on every other node within a second', body: revokedAnswer } },
    }),
    needs<FastifyRequest<RevokeRoute>>('token:revoke', async (request, reply, caller) => {
      const { kind, id, reason } = request.body;
      if (!isRevocationKind(kind)) throw oauthErrors.error('invalid_request', 'There is no such kind.');
      const party = partyOf(caller);
      const right = { party, mayEnd: (target: RevocationTarget) => mayEnd(target, caller.institution, party) };
      const revocation = await revocations.revokeUntilLifted({ kind, id }, requesterOf(caller), right, reason);
      return reply.status(200).send({ revocation, stands: kind !== 'token' && kind !== 'grant' });
    }),
  );

  app.post<LiftRoute>(
    '/revocations/:record/lift',
    described({
      tag: 'revocations',
      summary: 'Lift a revocation',
      description:
        'New tokens can be had again; what ended stays ended. By another principal than the one that revoked. Nobody may be in the acting chain of both, and neither of the two may have invited the other to enrol a key. An institution lifts what it has revoked itself, the operator anything.',
      scopes: ['revocation:lift'],
      params: liftParams,
      body: liftBody,
      answers: { 200: { description: 'It is lifted, on every node', body: liftedAnswer } },
    }),
    needs<FastifyRequest<LiftRoute>>('revocation:lift', async (request, _reply, caller) => {
      const record = parseId('record', request.params.record);
      if (record === undefined)
        throw revocationErrors.error('revocation_unknown', 'Name the record that the revocation was answered with.');
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

  /** The operator is the owner of this interface. */
  function partyOf({ institution }: Caller): RevokingParty {
    return directory.snapshot().resource(resource)?.institution === institution ? 'operator' : 'institution';
  }

  /** The operator can end anything. Another institution can end its own clients, people and machines, and itself. */
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
