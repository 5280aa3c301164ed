import { type Caller, type Grant, type GrantRegister, grantErrors, type ResourceGuard } from '@countersign/contracts';
import { type GrantId, parseId } from '@countersign/kernel';
import { described, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { reasonPattern } from '../reason.ts';

const closed = { additionalProperties: false };
const grantId = Type.String({ maxLength: 40 });
const status = Type.Enum(['active', 'revoked']);

/** Visible ASCII, as ids use; PostgreSQL refuses some other text. */
const namePattern = '^[\\x21-\\x7e]+$';

const listQuery = Type.Object(
  {
    client: Type.Optional(Type.String({ maxLength: 64, pattern: namePattern })),
    subject: Type.Optional(Type.String({ maxLength: 80, pattern: namePattern })),
    status: Type.Optional(status),
    after: Type.Optional(grantId),
  },
  closed,
);
const idParams = Type.Object({ id: grantId }, closed);
const revokeBody = Type.Object({ reason: Type.String({ pattern: reasonPattern }) }, closed);

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
    applicationDetails: Type.Optional(
      Type.Array(Type.Unknown({ description: 'Authorization details of applications' })),
    ),
    resources: Type.Array(Type.String()),
    acr: Type.String(),
    amr: Type.Array(Type.String()),
    authTime: Type.Integer({ description: 'Seconds since the epoch' }),
    givenAt: Type.String({ description: 'RFC 3339' }),
    expiresAt: Type.String({ description: 'RFC 3339; no tokens are issued after this time' }),
    recordId: Type.String(),
  },
  { ...closed, title: 'Grant' },
);
const listAnswer = Type.Object({ grants: Type.Array(grantAnswer) }, closed);

const pageSize = 200;

type ListRoute = { Querystring: Static<typeof listQuery> };
type RevokeRoute = { Params: Static<typeof idParams>; Body: Static<typeof revokeBody> };

interface GrantRoutes {
  readonly grants: GrantRegister;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
}

/** Grants over HTTP, under `/grants`. An institution can see and end only the grants of its own people. */
export function grantRoutes(app: FastifyInstance, { grants, guard, baseUrl }: GrantRoutes): void {
  app.get<ListRoute>(
    '/grants',
    described({
      tag: 'grants',
      summary: 'List the grants of people to clients',
      description: "Grants of the caller's institution. For the next page, pass the last id as `after`.",
      scopes: ['mandate:read'],
      querystring: listQuery,
      answers: { 200: { description: 'One page, oldest first; at most 200', body: listAnswer } },
    }),
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
    described({
      tag: 'grants',
      summary: 'End a grant',
      description: 'Also ends every code and token issued under it.',
      scopes: ['mandate:revoke'],
      params: idParams,
      body: revokeBody,
      answers: { 200: { description: 'The grant as it is now', body: grantAnswer } },
    }),
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

/** Lists the members explicitly, so that new members of a grant are not exposed by accident. */
function shown(grant: Grant): Static<typeof grantAnswer> {
  const { id, version, status, client, subject, institution, acr, authTime, givenAt, expiresAt, recordId } = grant;
  return {
    id,
    version,
    status,
    client,
    subject,
    institution,
    scopes: [...grant.scopes],
    details: [...grant.details],
    ...(grant.applicationDetails === undefined ? {} : { applicationDetails: [...grant.applicationDetails] }),
    resources: [...grant.resources],
    acr,
    amr: [...grant.amr],
    authTime,
    givenAt,
    expiresAt,
    recordId,
  };
}

function grantIdOf(text: string): GrantId {
  const id = parseId('grant', text);
  if (id === undefined) throw notFound();
  return id;
}

function notFound() {
  return grantErrors.error('grant_not_found', 'The grant does not exist, or you have no access to it.');
}
