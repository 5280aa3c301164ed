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
import {
  type AuthorizationDetail,
  constraintsSchema,
  intentUse,
  parseAuthorizationDetails,
  parseLei,
} from '@countersign/market';
import { withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
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
    constraints: constraintsSchema,
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
    { schema: { body: proposalBody } },
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
    { schema: { params: idParams, body: acceptBody } },
    withScope('mandate:grant', async (request: FastifyRequest<WithId & { Body: Static<typeof acceptBody> }>, caller) =>
      consentStore.accept(mandateIdOf(request.params.id), request.body, actorOf(caller)),
    ),
  );

  for (const step of ['suspend', 'resume', 'revoke'] as const)
    app.post<WithId & { Body: Static<typeof reasonBody> }>(
      `/mandates/:id/${step}`,
      { schema: { params: idParams, body: reasonBody } },
      withScope('mandate:revoke', async (request: Reasoned, caller) =>
        consentStore[step](mandateIdOf(request.params.id), actorOf(caller), request.body.reason),
      ),
    );

  app.get<WithId>(
    '/mandates/:id',
    { schema: { params: idParams } },
    withScope('mandate:read', async (request: FastifyRequest<WithId>, caller) => {
      const history = await consentStore.history(mandateIdOf(request.params.id));
      const mandate = history.at(-1);
      if (mandate === undefined || !isParty(mandate, caller)) throw notFound();
      return { mandate, history };
    }),
  );

  app.get<{ Querystring: Static<typeof listQuery> }>(
    '/mandates',
    { schema: { querystring: listQuery } },
    withScope('mandate:read', async (request: FastifyRequest<{ Querystring: Static<typeof listQuery> }>, caller) => {
      const lei = parseLei(caller.institution);
      const { after } = request.query;
      const page = { limit: 200, ...(after === undefined ? {} : { after: mandateIdOf(after) }) };
      return { mandates: lei.ok ? await consentStore.list(lei.value, page) : [] };
    }),
  );

  app.post<WithId & { Body: Static<typeof validityBody> }>(
    '/mandates/:id/validity',
    { schema: { params: idParams, body: validityBody } },
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
