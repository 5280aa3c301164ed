import { type Caller, type Grant, type GrantRegister, grantErrors, type ResourceGuard } from '@countersign/contracts';
import { type GrantId, parseId } from '@countersign/kernel';
import { withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { reasonPattern } from '../reason.ts';

const closed = { additionalProperties: false };
const grantId = Type.String({ maxLength: 40 });
const status = Type.Enum(['active', 'revoked']);

const listQuery = Type.Object(
  {
    client: Type.Optional(Type.String({ maxLength: 64 })),
    subject: Type.Optional(Type.String({ maxLength: 80 })),
    status: Type.Optional(status),
    after: Type.Optional(grantId),
  },
  closed,
);
const idParams = Type.Object({ id: grantId }, closed);
const revokeBody = Type.Object({ reason: Type.String({ pattern: reasonPattern }) }, closed);

/** A grant as it is shown: everything but the session it was given in. */
const grantAnswer = Type.Object(
  {
    id: Type.String(),
    version: Type.Integer(),
    status,
    client: Type.String(),
    subject: Type.String(),
    institution: Type.String(),
    scopes: Type.Array(Type.String()),
    details: Type.Array(Type.Unknown({ description: 'Authorization details' })),
    resources: Type.Array(Type.String()),
    acr: Type.String(),
    amr: Type.Array(Type.String()),
    authTime: Type.Integer({ description: 'Seconds since the epoch' }),
    givenAt: Type.String({ description: 'RFC 3339' }),
    expiresAt: Type.String({ description: 'RFC 3339; nothing is issued under it from then on' }),
    recordId: Type.String(),
  },
  closed,
);
const listAnswer = Type.Object({ grants: Type.Array(grantAnswer) }, closed);

const pageSize = 200;

type ListRoute = { Querystring: Static<typeof listQuery> };
type RevokeRoute = { Params: Static<typeof idParams>; Body: Static<typeof revokeBody> };

export interface GrantRoutes {
  readonly grants: GrantRegister;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
}

/**
 * What people have allowed software, over HTTP, under `/grants`. An institution sees and ends the grants of its own
 * people, and no others: of those of another it does not learn that they exist.
 */
export function grantRoutes(app: FastifyInstance, { grants, guard, baseUrl }: GrantRoutes): void {
  app.get<ListRoute>(
    '/grants',
    { schema: { querystring: listQuery, response: { 200: listAnswer } } },
    withCaller<Caller, FastifyRequest<ListRoute>>(
      (request) => guard.check(request, { scope: 'mandate:read' }),
      baseUrl,
      async ({ query }, _reply, { institution }) => {
        const { after, ...of } = query;
        const page = await grants.list({
          ...of,
          institution,
          limit: pageSize,
          ...(after === undefined ? {} : { after: grantIdOf(after) }),
        });
        return { grants: page.map(shown) };
      },
    ),
  );

  app.post<RevokeRoute>(
    '/grants/:id/revoke',
    { schema: { params: idParams, body: revokeBody, response: { 200: grantAnswer } } },
    withCaller<Caller, FastifyRequest<RevokeRoute>>(
      (request) => guard.check(request, { scope: 'mandate:revoke' }),
      baseUrl,
      async ({ params, body }, _reply, { subject, institution }) => {
        const grant = await grants.find(grantIdOf(params.id));
        if (grant?.institution !== institution) throw notFound();
        return shown(await grants.revoke(grant.id, { id: subject, institution }, body.reason));
      },
    ),
  );
}

function shown({ session: _, ...grant }: Grant): Static<typeof grantAnswer> {
  const { scopes, details, resources, amr } = grant;
  return { ...grant, scopes: [...scopes], details: [...details], resources: [...resources], amr: [...amr] };
}

function grantIdOf(text: string): GrantId {
  const id = parseId('grant', text);
  if (id === undefined) throw notFound();
  return id;
}

function notFound() {
  return grantErrors.error('grant_not_found', 'There is no such grant, or it is not yours to see.');
}
