import {
  certificateProfileNames,
  type Enrolment,
  enrolmentErrors,
  enrolmentStatuses,
  type NewEnrolment,
  parsePrincipalId,
} from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { described, type Gate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { Asking } from '../../issuance/judge-order.ts';
import type { Enrolments } from '../enrolments.ts';

const tag = 'certificates';
const strict = { additionalProperties: false };
const instant = Type.String({ format: 'date-time' });

const enrolBody = Type.Object(
  {
    profile: Type.Enum([...certificateProfileNames]),
    holder: Type.String({ maxLength: 80, description: 'Principal id, e.g. `service:gateway`' }),
    dns_names: Type.Optional(
      Type.Array(Type.String({ maxLength: 253 }), { maxItems: 20, description: 'Hosts that certificates may name' }),
    ),
    expires_in_seconds: Type.Optional(
      Type.Integer({ minimum: 60, maximum: 604_800, description: 'How long the secret can be used; a day by default' }),
    ),
  },
  strict,
);
const endBody = Type.Object({ reason: Type.String({ minLength: 1, maxLength: 500 }) }, strict);
const enrolmentParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) }, strict);
const enrolmentQuery = Type.Object({ holder: Type.Optional(Type.String({ maxLength: 80 })) }, strict);

const members = {
  id: Type.String({ description: 'Key identifier of the external account binding' }),
  status: Type.Enum([...enrolmentStatuses], {
    description: '`open`: the secret has not been used; `used`: the account exists; `ended`: neither is valid',
  }),
  profile: Type.Enum([...certificateProfileNames]),
  holder: Type.String(),
  institution: Type.String({ description: 'LEI' }),
  dns_names: Type.Array(Type.String()),
  made_by: Type.String(),
  made_at: instant,
  expires_at: instant,
  account_key: Type.Optional(Type.String({ description: 'RFC 7638 thumbprint of the key of the account' })),
  ended_at: Type.Optional(instant),
  end_reason: Type.Optional(Type.String()),
  record_id: Type.String(),
};
const enrolmentAnswer = Type.Object(members, { ...strict, title: 'Enrolment' });
const enrolmentList = Type.Object({ enrolments: Type.Array(enrolmentAnswer) }, strict);
const newEnrolmentAnswer = Type.Object(
  {
    enrolment: enrolmentAnswer,
    directory: Type.String({ description: 'URL of the ACME directory' }),
    key_id: Type.String({ description: 'Key identifier of the external account binding' }),
    hmac_key: Type.String({ description: 'Its HMAC key, base64url. It is shown once.' }),
  },
  { ...strict, title: 'NewEnrolment' },
);

function enrolmentView(enrolment: Enrolment): Static<typeof enrolmentAnswer> {
  const { id, status, profile, holder, institution, accountKey, endedAt, endReason } = enrolment;
  return {
    ...{ id, status, profile, holder, institution },
    dns_names: [...enrolment.dnsNames],
    made_by: enrolment.madeBy,
    made_at: enrolment.madeAt,
    expires_at: enrolment.expiresAt,
    ...defined({ account_key: accountKey, ended_at: endedAt, end_reason: endReason }),
    record_id: enrolment.recordId,
  };
}

function newEnrolmentView(made: NewEnrolment): Static<typeof newEnrolmentAnswer> {
  const { id, directory, secret } = made;
  return { enrolment: enrolmentView(made), directory, key_id: id, hmac_key: secret };
}

/** Enrolments for ACME under `/certificates/enrolments`. */
export function enrolmentRoutes(
  app: FastifyInstance,
  {
    enrolments,
    gate,
    operator,
  }: {
    readonly enrolments: Pick<Enrolments, 'make' | 'list' | 'show' | 'end'>;
    readonly gate: Gate<Asking, string>;
    /** LEI. */
    readonly operator: string;
  },
): void {
  async function ownEnrolment(id: string, by: Asking): Promise<Enrolment> {
    const found = await enrolments.show(id);
    if (found === undefined || (by.institution !== operator && by.institution !== found.institution))
      throw enrolmentErrors.error('enrolment_unknown', 'There is no such enrolment.');
    return found;
  }

  app.post<{ Body: Static<typeof enrolBody> }>(
    '/certificates/enrolments',
    {
      ...described({
        tag,
        summary: 'Enrol a principal for ACME',
        description:
          'Makes a one-time secret with which an ACME client (RFC 8555) opens an account for this principal and this profile. The ' +
          'policies decide now, and again for every certificate.',
        scopes: ['certificate:issue'],
        body: enrolBody,
        answers: { 201: { description: 'The settings for the client', body: newEnrolmentAnswer } },
      }),
      ...gate.needs('certificate:issue'),
    },
    async (request, reply) => {
      const { profile, holder: named, dns_names: dnsNames = [], expires_in_seconds: expiresInSeconds } = request.body;
      const holder = parsePrincipalId(named);
      if (holder === undefined) throw enrolmentErrors.error('enrolment_invalid', 'The holder must be a principal id.');
      const order = { profile, holder, dnsNames, ...defined({ expiresInSeconds }) };
      return reply.status(201).send(newEnrolmentView(await enrolments.make(order, gate.callerOf(request))));
    },
  );

  app.get<{ Querystring: Static<typeof enrolmentQuery> }>(
    '/certificates/enrolments',
    {
      ...described({
        tag,
        summary: 'List enrolments and their accounts',
        description: 'The newest hundred of your institution; of all institutions for the operator.',
        scopes: ['certificate:read'],
        querystring: enrolmentQuery,
        answers: { 200: { description: 'Newest first', body: enrolmentList } },
      }),
      ...gate.needs('certificate:read'),
    },
    async (request) => {
      const { institution } = gate.callerOf(request);
      const filter = { ...request.query, ...(institution === operator ? {} : defined({ institution })) };
      return { enrolments: (await enrolments.list(filter)).map(enrolmentView) };
    },
  );

  app.post<{ Params: Static<typeof enrolmentParams>; Body: Static<typeof endBody> }>(
    '/certificates/enrolments/:id/end',
    {
      ...described({
        tag,
        summary: 'End an enrolment and its account',
        description: 'Certificates that were issued stay valid. Revoke them if necessary.',
        scopes: ['certificate:revoke'],
        params: enrolmentParams,
        body: endBody,
        answers: { 200: { description: 'The enrolment', body: enrolmentAnswer } },
      }),
      ...gate.needs('certificate:revoke'),
    },
    async (request) => {
      const by = gate.callerOf(request);
      const { id } = await ownEnrolment(request.params.id, by);
      return enrolmentView(await enrolments.end(id, request.body.reason, by));
    },
  );
}
