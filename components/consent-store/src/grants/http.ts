import { type Grant, type GrantRegister, grantErrors } from '@countersign/contracts';
import { type GrantId, parseId } from '@countersign/kernel';
import { type Static, Type } from 'typebox';
import type { GuardedRoutes } from '../http/guarded-routes.ts';
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

/** An institution can see and end only the grants of its own people. */
export function grantRoutes(routes: GuardedRoutes, grants: GrantRegister): void {
  routes.get<{ Querystring: Static<typeof listQuery> }>(
    '/grants',
    'mandate:read',
    {
      summary: 'List the grants of people to clients',
      description: "Grants of the caller's institution. For the next page, pass the last id as `after`.",
      querystring: listQuery,
      answers: { 200: { description: 'One page, oldest first; at most 200', body: listAnswer } },
    },
    async ({ query: { after, ...of } }, { institution }) => {
      const from = after === undefined ? {} : { after: grantIdOf(after) };
      const page = await grants.list({ ...of, institution, limit: pageSize, ...from });
      return { grants: page.map(shown) };
    },
  );

  routes.post<{ Params: Static<typeof idParams>; Body: Static<typeof revokeBody> }>(
    '/grants/:id/revoke',
    'mandate:revoke',
    {
      summary: 'End a grant',
      description: 'Also ends every code and token issued under it.',
      params: idParams,
      body: revokeBody,
      answers: { 200: { description: 'The current grant', body: grantAnswer } },
    },
    async ({ params, body }, { subject, institution }) => {
      const grant = await grants.find(grantIdOf(params.id));
      if (grant?.institution !== institution) throw notFound();
      return shown(await grants.revoke(grant.id, { id: subject, institution }, body.reason));
    },
  );
}

/** Lists the members explicitly, so that new members of a grant are not exposed by accident. */
function shown(grant: Grant): Static<typeof grantAnswer> {
  const { id, version, status, client, subject, institution, acr, authTime, givenAt, expiresAt, recordId } = grant;
  return {
    ...{ id, version, status, client, subject, institution, acr, authTime, givenAt, expiresAt, recordId },
    scopes: [...grant.scopes],
    details: [...grant.details],
    ...(grant.applicationDetails === undefined ? {} : { applicationDetails: [...grant.applicationDetails] }),
    resources: [...grant.resources],
    amr: [...grant.amr],
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
