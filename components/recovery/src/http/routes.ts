import { actorOf, parsePrincipalId, type Recovery, type ResourceGuard, recoveryErrors } from '@countersign/contracts';
import { defined, parseId, type RecoveryId } from '@countersign/kernel';
import type { Scope } from '@countersign/market';
import { createGate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { unknownRecovery } from '../judge-approver.ts';
import type { RunningRecovery } from '../recoveries.ts';
import * as schemas from './schemas.ts';

const tag = 'recoveries';
type WithId = { Params: Static<typeof schemas.idParams> };

export interface RecoveryRoutes {
  readonly recovery: RunningRecovery;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
  /** LEI of the operator of the installation, who sees those of every institution. */
  readonly operator: string;
}

/** For operators: they open and cancel recoveries and get invitation links, but cannot approve. */
export function recoveryRoutes(app: FastifyInstance, { recovery, guard, baseUrl, operator }: RecoveryRoutes): void {
  const gate = createGate(async (request, scope: Scope) => actorOf(await guard.check(request, { scope })), baseUrl);
  const ownOf = (institution: string) => (institution === operator ? undefined : institution);

  app.post<{ Body: Static<typeof schemas.openBody> }>(
    '/recoveries',
    gate.route('recovery:open', {
      tag,
      summary: 'Open a recovery',
      description:
        'For a person who has lost their factor and whose identity was proved again. Two people of different functions ' +
        'approve it with their keys; then everything the person had ends, and they can be invited.',
      body: schemas.openBody,
      answers: {
        201: { description: 'Awaiting approval; the person has been notified', body: schemas.recoveryAnswer },
      },
    }),
    async (request, reply) => {
      const { person: text, reason, evidence } = request.body;
      const person = parsePrincipalId(text);
      if (person === undefined)
        throw recoveryErrors.error('recovery_person_unknown', 'Your institution has no such person.');
      const opened = await recovery.open({ person, reason, evidence }, gate.callerOf(request));
      return reply.status(201).send(answerOf(opened));
    },
  );

  app.get<{ Querystring: Static<typeof schemas.listQuery> }>(
    '/recoveries',
    gate.route('recovery:read', {
      tag,
      summary: 'List recoveries',
      description: 'The newest hundred of your institution; of all institutions for the operator.',
      querystring: schemas.listQuery,
      answers: { 200: { description: 'Newest first', body: schemas.recoveryList } },
    }),
    async (request) => {
      const institution = ownOf(gate.callerOf(request).institution);
      const { status } = request.query;
      const found = await recovery.list(defined({ institution, status }));
      return { recoveries: found.map(answerOf) };
    },
  );

  app.get<WithId>(
    '/recoveries/:id',
    gate.route('recovery:read', {
      tag,
      summary: 'Read a recovery',
      params: schemas.idParams,
      answers: { 200: { description: 'The recovery', body: schemas.recoveryAnswer } },
    }),
    async (request) => {
      const institution = ownOf(gate.callerOf(request).institution);
      const found = await recovery.find(idOf(request.params.id));
      if (found === undefined || (institution !== undefined && found.institution !== institution))
        throw unknownRecovery();
      return answerOf(found);
    },
  );

  app.post<WithId & { Body: Static<typeof schemas.reasonBody> }>(
    '/recoveries/:id/cancel',
    gate.route('recovery:open', {
      tag,
      summary: 'Cancel a recovery',
      description: 'Its invitation links end with it. The person is notified.',
      params: schemas.idParams,
      body: schemas.reasonBody,
      answers: { 200: { description: 'Cancelled', body: schemas.recoveryAnswer } },
    }),
    async (request) =>
      answerOf(await recovery.cancel(idOf(request.params.id), gate.callerOf(request), request.body.reason)),
  );

  app.post<WithId>(
    '/recoveries/:id/invitation',
    gate.route('recovery:open', {
      tag,
      summary: 'Create the link with which the person enrols',
      description:
        'After everything they had has ended; at most three times, and a new link replaces the previous one. Give it only ' +
        'to the person.',
      params: schemas.idParams,
      answers: { 201: { description: 'Shown once', body: schemas.invitationAnswer } },
    }),
    async (request, reply) => {
      const { path, expiresAt, recordId } = await recovery.invite(idOf(request.params.id), gate.callerOf(request));
      return reply
        .status(201)
        .header('cache-control', 'no-store')
        .send({ url: `${baseUrl}${path}`, expires_at: expiresAt, record_id: recordId });
    },
  );

  app.get(
    '/recovery-requests',
    gate.route('recovery:read', {
      tag,
      summary: 'List requests from the public page',
      description: 'A request proves nothing: contact the person through the agreed channel.',
      querystring: Type.Object({}, { additionalProperties: false }),
      answers: { 200: { description: 'Of the last seven days, newest first', body: schemas.requestList } },
    }),
    async (request) => {
      const found = await recovery.requests(ownOf(gate.callerOf(request).institution));
      return {
        requests: found.map(({ firstAt, lastAt, ...rest }) => ({ ...rest, first_at: firstAt, last_at: lastAt })),
      };
    },
  );
}

function answerOf(recovery: Recovery): Static<typeof schemas.recoveryAnswer> {
  const { openedBy, openedAt, expiresAt, coolingOffUntil, recordId, approvals, evidence, missing, ...rest } = recovery;
  return {
    ...rest,
    opened_by: openedBy,
    opened_at: openedAt,
    expires_at: expiresAt,
    evidence: [...evidence],
    missing: [...missing],
    approvals: approvals.map(({ recordId: record_id, ...approval }) => ({ ...approval, record_id })),
    ...defined({ cooling_off_until: coolingOffUntil }),
    record_id: recordId,
  };
}

function idOf(text: string): RecoveryId {
  const id = parseId('recovery', text);
  if (id === undefined) throw unknownRecovery();
  return id;
}
