import { actorOf, parsePrincipalId, type Recovery, type ResourceGuard, recoveryErrors } from '@countersign/contracts';
import { defined, parseId, type RecoveryId } from '@countersign/kernel';
import type { Scope } from '@countersign/market';
import { createGate, described } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { RunningRecovery } from '../recoveries.ts';
import {
  idParams,
  invitationAnswer,
  listQuery,
  openBody,
  reasonBody,
  recoveryAnswer,
  recoveryList,
  requestList,
} from './schemas.ts';

const tag = 'recoveries';
type WithId = { Params: Static<typeof idParams> };

export interface RecoveryRoutes {
  readonly recovery: RunningRecovery;
  readonly guard: ResourceGuard;
  /** Our own URL. */
  readonly baseUrl: string;
  /** LEI of the operator of the installation, who sees those of every institution. */
  readonly operator: string;
}

/** The interface for operators: they open and cancel recoveries and get invitation links; they approve nothing. */
export function recoveryRoutes(app: FastifyInstance, { recovery, guard, baseUrl, operator }: RecoveryRoutes): void {
  const gate = createGate(async (request, scope: Scope) => actorOf(await guard.check(request, { scope })), baseUrl);
  const ownOf = (institution: string) => (institution === operator ? undefined : institution);

  app.post<{ Body: Static<typeof openBody> }>(
    '/recoveries',
    {
      ...described({
        tag,
        summary: 'Open a recovery',
        description:
          'For a person who has lost their factor and whose identity was proved again. Two people of different functions ' +
          'approve it with their keys; everything the person had then ends, and they can be invited.',
        scopes: ['recovery:open'],
        body: openBody,
        answers: { 201: { description: 'It waits for its approvers, and the person is told', body: recoveryAnswer } },
      }),
      ...gate.needs('recovery:open'),
    },
    async (request, reply) => {
      const { person: text, reason, evidence } = request.body;
      const person = parsePrincipalId(text);
      if (person === undefined)
        throw recoveryErrors.error('recovery_person_unknown', 'Your institution has no such person.');
      const opened = await recovery.open({ person, reason, evidence }, gate.callerOf(request));
      return reply.status(201).send(answerOf(opened));
    },
  );

  app.get<{ Querystring: Static<typeof listQuery> }>(
    '/recoveries',
    {
      ...described({
        tag,
        summary: 'List recoveries',
        description: 'The newest hundred of your institution; for the operator, of all.',
        scopes: ['recovery:read'],
        querystring: listQuery,
        answers: { 200: { description: 'Newest first', body: recoveryList } },
      }),
      ...gate.needs('recovery:read'),
    },
    async (request) => {
      const institution = ownOf(gate.callerOf(request).institution);
      const { status } = request.query;
      const found = await recovery.list({
        ...defined({ institution, status }),
      });
      return { recoveries: found.map(answerOf) };
    },
  );

  app.get<WithId>(
    '/recoveries/:id',
    {
      ...described({
        tag,
        summary: 'Read a recovery',
        scopes: ['recovery:read'],
        params: idParams,
        answers: { 200: { description: 'How far it has come', body: recoveryAnswer } },
      }),
      ...gate.needs('recovery:read'),
    },
    async (request) => {
      const institution = ownOf(gate.callerOf(request).institution);
      const found = await recovery.find(idOf(request.params.id));
      if (found === undefined || (institution !== undefined && found.institution !== institution)) throw unknown();
      return answerOf(found);
    },
  );

  app.post<WithId & { Body: Static<typeof reasonBody> }>(
    '/recoveries/:id/cancel',
    {
      ...described({
        tag,
        summary: 'Call a recovery off',
        description: 'Links that were handed out end with it. The person is told.',
        scopes: ['recovery:open'],
        params: idParams,
        body: reasonBody,
        answers: { 200: { description: 'It has ended', body: recoveryAnswer } },
      }),
      ...gate.needs('recovery:open'),
    },
    async (request) =>
      answerOf(await recovery.cancel(idOf(request.params.id), gate.callerOf(request), request.body.reason)),
  );

  app.post<WithId>(
    '/recoveries/:id/invitation',
    {
      ...described({
        tag,
        summary: 'Get the link with which the person enrols',
        description:
          'Once everything they had has ended; at most three times, and a new link ends the one before. Hand it to nobody ' +
          'but the person.',
        scopes: ['recovery:open'],
        params: idParams,
        answers: { 201: { description: 'Shown once', body: invitationAnswer } },
      }),
      ...gate.needs('recovery:open'),
    },
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
    {
      ...described({
        tag,
        summary: 'List what people said on the public page',
        description: 'It proves nothing: call them by the way that you have agreed with them.',
        scopes: ['recovery:read'],
        querystring: Type.Object({}, { additionalProperties: false }),
        answers: { 200: { description: 'Of the last seven days, newest first', body: requestList } },
      }),
      ...gate.needs('recovery:read'),
    },
    async (request) => {
      const found = await recovery.requests(ownOf(gate.callerOf(request).institution));
      return {
        requests: found.map(({ firstAt, lastAt, ...rest }) => ({ ...rest, first_at: firstAt, last_at: lastAt })),
      };
    },
  );
}

function answerOf(recovery: Recovery): Static<typeof recoveryAnswer> {
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
  if (id === undefined) throw unknown();
  return id;
}

function unknown() {
  return recoveryErrors.error('recovery_unknown', 'There is no such recovery.');
}
