import { accessErrors, actorOf, type Incident, type ResourceGuard, type SingleUse } from '@countersign/contracts';
import { type Clock, defined, type IncidentId, parseId } from '@countersign/kernel';
import type { Scope } from '@countersign/market';
import { createKeyCache, verifyProof } from '@countersign/oauth';
import { accessRequestOf, createGate, described } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import type { RunningBreakGlass } from '../break-glass.ts';
import { unknownIncident } from '../rules.ts';
import { accessAnswer, idParams, incidentAnswer, incidentList, listQuery } from './schemas.ts';

const tag = 'incidents';
type WithId = { Params: Static<typeof idParams> };

export interface BreakGlassRoutes {
  readonly breakGlass: RunningBreakGlass;
  readonly guard: ResourceGuard;
  readonly singleUse: SingleUse;
  readonly clock: Clock;
  readonly baseUrl: string;
  /** LEI of the operator of the installation, who sees those of every institution. */
  readonly operator: string;
}

/** For software: reads incidents, and collects access with the holder's tool. People sign on pages. */
export function breakGlassRoutes(app: FastifyInstance, dependencies: BreakGlassRoutes): void {
  const { breakGlass, guard, singleUse, clock, baseUrl, operator } = dependencies;
  const gate = createGate(async (request, scope: Scope) => actorOf(await guard.check(request, { scope })), baseUrl);
  const proofKeys = createKeyCache();

  app.get<{ Querystring: Static<typeof listQuery> }>(
    '/incidents',
    gate.route('breakglass:read', {
      tag,
      summary: 'List emergencies',
      description: 'The newest hundred of your institution; of all institutions for the operator.',
      querystring: listQuery,
      answers: { 200: { description: 'Newest first', body: incidentList } },
    }),
    async (request) => {
      const { institution } = gate.callerOf(request);
      const { status } = request.query;
      const found = await breakGlass.list({
        ...(institution === operator ? {} : { institution }),
        ...defined({ status }),
      });
      return { incidents: found.map(answerOf) };
    },
  );

  app.get<WithId>(
    '/incidents/:id',
    gate.route('breakglass:read', {
      tag,
      summary: 'Read an emergency',
      params: idParams,
      answers: { 200: { description: 'The incident', body: incidentAnswer } },
    }),
    async (request) => {
      const { institution } = gate.callerOf(request);
      const found = await breakGlass.find(idOf(request.params.id));
      if (found === undefined || (institution !== operator && found.institution !== institution))
        throw unknownIncident();
      return answerOf(found);
    },
  );

  app.post<WithId>(
    '/incidents/:id/token',
    {
      ...described({
        tag,
        summary: 'Collect the access of an emergency',
        description:
          'Needs a DPoP proof (RFC 9449) with the declared key, after a second holder has agreed. There is no other ' +
          'authentication: both holders have signed for this key. A token lives for at most five minutes and replaces the ' +
          'previous one; collecting again does not extend the access.',
        params: idParams,
        answers: { 200: { description: 'An access token bound to the key', body: accessAnswer } },
      }),
    },
    async (request, reply) => {
      const { method, url, dpop } = accessRequestOf(request, baseUrl);
      const proof = await verifyProof(dpop, { method, url, keys: proofKeys, now: clock.now() });
      const claim = { purpose: 'dpop-proof', issuer: proof.jkt, id: proof.jti, expiresAt: proof.expiresAt } as const;
      if ((await singleUse.claim(claim)) === 'replayed')
        throw accessErrors.error('proof_replayed', 'The DPoP proof was used before; make a new one for each request.');
      const access = await breakGlass.collect(idOf(request.params.id), proof.jkt);
      return reply.header('cache-control', 'no-store').send({
        access_token: access.accessToken,
        token_type: 'DPoP',
        scope: access.scopes.join(' '),
        expires_at: access.expiresAt,
      });
    },
  );
}

function answerOf(incident: Incident): Static<typeof incidentAnswer> {
  const { declaredAt, secondBefore, grantedAt, endsAt, reviewDueAt, recordId, scopes, ...rest } = incident;
  return {
    ...rest,
    scopes: [...scopes],
    declared_at: declaredAt,
    second_before: secondBefore,
    ...defined({ granted_at: grantedAt, ends_at: endsAt, review_due_at: reviewDueAt }),
    record_id: recordId,
  };
}

function idOf(text: string): IncidentId {
  const id = parseId('incident', text);
  if (id === undefined) throw unknownIncident();
  return id;
}
