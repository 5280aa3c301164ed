import { type Directory, directoryErrors, oauthErrors, type ResourceGuard } from '@countersign/contracts';
import { accessRequestOf, described } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { isRevocationKind } from './entries-of-record.ts';
import type { Revocations } from './revocations.ts';

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

/**
 * `GET /revocations`: the signed list, public as a certificate revocation list is, since it holds digests alone.
 * `POST /revocations`: ends what was issued; for the operator, and for an institution as to its own.
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
    readonly revocations: Revocations;
    readonly guard: ResourceGuard;
    readonly directory: Pick<Directory, 'snapshot'>;
    readonly baseUrl: string;
    /** The URI of this interface; whoever owns it is the operator. */
    readonly resource: string;
  },
): void {
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

  app.post<{ Body: Static<typeof revokeBody> }>(
    '/revocations',
    described({
      tag: 'revocations',
      summary: 'End what was issued',
      description: 'By the operator; by another institution what is its own: its clients, people and machines, itself.',
      scopes: ['token:revoke'],
      body: revokeBody,
      answers: { 204: { description: 'It has ended here; on every other node within a second' } },
    }),
    async (request: FastifyRequest<{ Body: Static<typeof revokeBody> }>, reply) => {
      const caller = await guard.check(accessRequestOf(request, baseUrl), { scope: 'token:revoke' });
      const { kind, id, reason } = request.body;
      if (!isRevocationKind(kind)) throw oauthErrors.error('invalid_request', 'There is no such kind.');
      if (!mayEnd({ kind, id }, caller.institution, { directory, resource }))
        throw directoryErrors.error(
          'entity_not_found',
          'There is nothing of this kind and id that the institution of the caller may end.',
        );
      await revocations.revoke({ kind, id }, { id: caller.subject, institution: caller.institution }, reason);
      return reply.status(204).send();
    },
  );
}

/** The operator ends anything; another institution its own clients, people and machines, and itself. */
function mayEnd(
  target: { readonly kind: string; readonly id: string },
  institution: string,
  { directory, resource }: { readonly directory: Pick<Directory, 'snapshot'>; readonly resource: string },
): boolean {
  const snapshot = directory.snapshot();
  if (snapshot.resource(resource)?.institution === institution) return true;
  switch (target.kind) {
    case 'client':
      return snapshot.client(target.id)?.institution === institution;
    case 'principal':
      return snapshot.principal(target.id)?.institution === institution;
    case 'partner':
      return target.id === institution;
    default:
      return false;
  }
}
