import { type Caller, type Grant, type GrantRegister, grantErrors, type ResourceGuard } from '@countersign/contracts';
import { type GrantId, parseId } from '@countersign/kernel';
import { described, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { reasonPattern } from '../reason.ts';

const closed = { additionalProperties: false };
const grantId = Type.String({ maxLength: 40 });
const status = Type.Enum(['active', 'revoked']);

/** What ids are made of; beyond it there is text that a database does not take. */
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
    applicationDetails: Type.Optional(
      Type.Array(Type.Unknown({ description: 'Authorization details of applications' })),
    ),
    resources: Type.Array(Type.String()),
    acr: Type.String(),
    amr: Type.Array(Type.String()),
    authTime: Type.Integer({ description: 'Seconds since the epoch' }),
    givenAt: Type.String({ description: 'RFC 3339' }),
    expiresAt: Type.String({ description: 'RFC 3339; nothing is issued under it from then on' }),
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

/**
 * What people have allowed software, over HTTP, under `/grants`. An institution sees and ends the grants of its own
 * people, and no others: of those of another it does not learn that they exist.
 */
export function grantRoutes(app: FastifyInstance, { grants, guard, baseUrl }: GrantRoutes): void {
  app.get<ListRoute>(
    '/grants',
    described({
      tag: 'grants',
      summary: 'List what people have allowed software',
      description: 'Of the people of the institution of the caller. More: ask again with `after` the last id.',
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
      description: 'And with it every code and token issued under it.',
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

/** Member by member: what a grant gets one day is not shown before somebody has decided that it is. */
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
