import {
  type Actor,
  type Caller,
  type ConsentStore,
  consentErrors,
  type Mandate,
  type MandateProposal,
  type ResourceGuard,
} from '@countersign/contracts';
import { type Clock, type MandateId, parseId, parseInstant } from '@countersign/kernel';
import { type AuthorizationDetail, intentUse, parseAuthorizationDetails, parseLei } from '@countersign/market';
import { described, idempotencyKeyHeader, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { constraints, mandateAnswer, mandateList, mandateWithHistory, validityAnswer } from './answers.ts';
import { grantRoutes } from './grants/http.ts';

const closed = { additionalProperties: false };
const party = Type.Object({ lei: Type.String({ maxLength: 20 }), role: Type.String({ maxLength: 64 }) }, closed);
const instant = Type.String({ maxLength: 40 });
const mandateId = Type.String({ maxLength: 40 });

const proposalBody = Type.Object(
  {
    grantor: party,
    grantee: party,
    parent: Type.Optional(mandateId),
    constraints,
    legalBasis: Type.Object(
      { type: Type.String({ maxLength: 64 }), reference: Type.String({ maxLength: 400 }) },
      closed,
    ),
    termsHash: Type.String({ maxLength: 64 }),
    effectiveFrom: instant,
    effectiveUntil: instant,
  },
  closed,
);
const idParams = Type.Object({ id: mandateId }, closed);
const acceptBody = Type.Object({ termsHash: Type.String({ maxLength: 64 }) }, closed);
const reasonBody = Type.Object({ reason: Type.String({ minLength: 1, maxLength: 400 }) }, closed);
const listQuery = Type.Object({ after: Type.Optional(mandateId) }, closed);
const validityBody = Type.Object(
  {
    intent: Type.Unknown({ description: 'One authorization detail' }),
    acting_for: Type.String({ maxLength: 20 }),
    action: Type.String({ maxLength: 64 }),
    at: Type.Optional(instant),
  },
  closed,
);

const tag = 'mandates';
const mandateNow = (description: string) => ({ description, body: mandateAnswer });
const steps = {
  suspend: {
    summary: 'Suspend a mandate',
    description: 'By the grantor. Nothing rests on it until it is resumed.',
  },
  resume: { summary: 'Resume a suspended mandate', description: 'By the grantor.' },
  revoke: {
    summary: 'Revoke a mandate',
    description: 'By either party, for good. Everything cut from it ends at the same moment.',
  },
} as const;

type WithId = { Params: Static<typeof idParams> };
type Reasoned = FastifyRequest<WithId & { Body: Static<typeof reasonBody> }>;

export interface ConsentStoreRoutes {
  readonly consentStore: ConsentStore;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
  readonly clock: Clock;
}

/**
 * Mandates over HTTP, under `/mandates`: an institution sees those it is a party to, and no others. Grants under
 * `/grants`.
 */
export function consentStoreRoutes(
  app: FastifyInstance,
  { consentStore, guard, baseUrl, clock }: ConsentStoreRoutes,
): void {
  const withScope = <Request extends FastifyRequest>(
    scope: string,
    handler: (request: Request, caller: Caller) => Promise<unknown>,
  ) =>
    withCaller<Caller, Request>(
      (request) => guard.check(request, { scope }),
      baseUrl,
      (request, _reply, caller) => handler(request, caller),
    );

  grantRoutes(app, { grants: consentStore.grants, guard, baseUrl });

  app.post<{ Body: MandateProposal }>(
    '/mandates',
    described({
      tag,
      summary: 'Propose a mandate',
      description: 'By a signatory of the grantor. It permits nothing before the grantee has accepted it.',
      scopes: ['mandate:grant'],
      requestHeaders: idempotencyKeyHeader,
      body: proposalBody,
      answers: { 201: mandateNow('Version 1, proposed') },
    }),
    withCaller<Caller, FastifyRequest<{ Body: MandateProposal }>>(
      (request) => guard.check(request, { scope: 'mandate:grant' }),
      baseUrl,
      async (request, reply, caller) => {
        const mandate = await consentStore.propose(request.body, actorOf(caller), idempotencyKeyOf(request));
        return reply.status(201).send(mandate);
      },
    ),
  );

  app.post<WithId & { Body: Static<typeof acceptBody> }>(
    '/mandates/:id/accept',
    described({
      tag,
      summary: 'Accept a mandate',
      description: 'By a signatory of the grantee, who names the hash of the terms as seen.',
      scopes: ['mandate:grant'],
      params: idParams,
      body: acceptBody,
      answers: { 200: mandateNow('The version that is active') },
    }),
    withScope('mandate:grant', async (request: FastifyRequest<WithId & { Body: Static<typeof acceptBody> }>, caller) =>
      consentStore.accept(mandateIdOf(request.params.id), request.body, actorOf(caller)),
    ),
  );

  for (const step of ['suspend', 'resume', 'revoke'] as const)
    app.post<WithId & { Body: Static<typeof reasonBody> }>(
      `/mandates/:id/${step}`,
      described({
        tag,
        ...steps[step],
        scopes: ['mandate:revoke'],
        params: idParams,
        body: reasonBody,
        answers: { 200: mandateNow('The new version') },
      }),
      withScope('mandate:revoke', async (request: Reasoned, caller) =>
        consentStore[step](mandateIdOf(request.params.id), actorOf(caller), request.body.reason),
      ),
    );

  app.get<WithId>(
    '/mandates/:id',
    described({
      tag,
      summary: 'Read a mandate and its history',
      scopes: ['mandate:read'],
      params: idParams,
      answers: { 200: { description: 'The newest version, and all of them', body: mandateWithHistory } },
    }),
    withScope('mandate:read', async (request: FastifyRequest<WithId>, caller) => {
      const history = await consentStore.history(mandateIdOf(request.params.id));
      const mandate = history.at(-1);
      if (mandate === undefined || !isParty(mandate, caller)) throw notFound();
      return { mandate, history };
    }),
  );

  app.get<{ Querystring: Static<typeof listQuery> }>(
    '/mandates',
    described({
      tag,
      summary: 'List mandates',
      description:
        'Those which the institution of the caller grants or holds. More: ask again with `after` the last id.',
      scopes: ['mandate:read'],
      querystring: listQuery,
      answers: { 200: { description: 'One page', body: mandateList } },
    }),
    withScope('mandate:read', async (request: FastifyRequest<{ Querystring: Static<typeof listQuery> }>, caller) => {
      const lei = parseLei(caller.institution);
      const { after } = request.query;
      const page = { limit: 200, ...(after === undefined ? {} : { after: mandateIdOf(after) }) };
      return { mandates: lei.ok ? await consentStore.list(lei.value, page) : [] };
    }),
  );

  app.post<WithId & { Body: Static<typeof validityBody> }>(
    '/mandates/:id/validity',
    described({
      tag,
      summary: 'Ask whether a mandate stands for an intent',
      description: 'For the parties of the mandate and the firms that the intent names.',
      scopes: ['mandate:read'],
      params: idParams,
      body: validityBody,
      answers: { 200: { description: 'Whether it stands, and if not, why', body: validityAnswer } },
    }),
    withScope(
      'mandate:read',
      async (request: FastifyRequest<WithId & { Body: Static<typeof validityBody> }>, caller) => {
        const { intent, acting_for, action, at } = request.body;
        const id = mandateIdOf(request.params.id);
        const detail = detailOf(intent);
        const actingFor = parseLei(acting_for);
        const time = at === undefined ? clock.now() : parseInstant(at);
        if (!actingFor.ok) throw consentErrors.error('mandate_invalid', `acting_for: ${actingFor.detail}`);
        if (time === undefined) throw consentErrors.error('mandate_invalid', 'at: It is not an RFC 3339 date-time.');
        if (detail.mandate_id !== id) throw consentErrors.error('mandate_invalid', 'intent: It names another mandate.');
        const answer = await consentStore.check({
          mandate: id,
          actingFor: actingFor.value,
          use: intentUse(detail, { action, at: time }),
          at: time,
        });
        const party = answer.mandate !== undefined && isParty(answer.mandate, caller);
        if (!party && !isNamed(detail, caller)) throw notFound();
        if (answer.stands)
          return {
            stands: true,
            version: answer.mandate.version,
            chain: answer.chain.map(({ id, version, digest }) => ({ id, version, digest })),
          };
        return {
          stands: false,
          reason: answer.reason,
          // The words may tell a limit: they are for those who agreed on it.
          ...(party ? { detail: answer.detail } : {}),
          ...(answer.mandate === undefined ? {} : { version: answer.mandate.version }),
        };
      },
    ),
  );
}

function actorOf(caller: Caller): Actor {
  return { id: caller.subject, institution: caller.institution };
}

function isParty({ grantor, grantee }: Mandate, caller: Caller): boolean {
  return grantor.lei === caller.institution || grantee.lei === caller.institution;
}

function isNamed(detail: AuthorizationDetail, caller: Caller): boolean {
  if (detail.entity_lei === caller.institution) return true;
  return 'parties' in detail && detail.parties.some(({ lei }) => lei === caller.institution);
}

function detailOf(intent: unknown): AuthorizationDetail {
  const parsed = parseAuthorizationDetails([intent]);
  const detail = parsed.ok ? parsed.value[0] : undefined;
  if (detail === undefined)
    throw consentErrors.error(
      'mandate_invalid',
      parsed.ok ? 'intent: It is empty.' : `intent${parsed.path}: ${parsed.detail}`,
    );
  return detail;
}

function mandateIdOf(text: string): MandateId {
  const id = parseId('mandate', text);
  if (id === undefined) throw notFound();
  return id;
}

function notFound() {
  return consentErrors.error('mandate_not_found', 'There is no such mandate, or it is not yours to see.');
}

function idempotencyKeyOf(request: FastifyRequest): string {
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string')
    throw consentErrors.error('mandate_invalid', 'The header Idempotency-Key is missing.', {
      facts: { field: 'Idempotency-Key' },
    });
  return key;
}
