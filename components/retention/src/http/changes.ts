import { type RetentionPreset, retentionPresets } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import { described, type Gate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { dueBefore } from '../age.ts';
import { proposalOf } from '../deciding.ts';
import { presets } from '../presets.ts';
import type { Requester } from '../requester.ts';
import type { RunningRetention } from '../retention.ts';
import { standingHolds } from '../simulations.ts';
import {
  approveBody,
  changeProposal,
  changeProposals,
  idParams,
  overview,
  proposeBody,
  reasonBody,
  simulateBody,
  simulationAnswer,
  statusQuery,
  strict,
} from './schemas.ts';
import { changeView, listed } from './views.ts';

const tag = 'retention';
const noQuery = Type.Object({}, strict);
type WithId = { Params: Static<typeof idParams> };
const kinds = ['schedule', 'pruning'] as const;

export function changeRoutes(app: FastifyInstance, retention: RunningRetention, gate: Gate<Requester, string>): void {
  app.get(
    '/retention',
    {
      ...described({
        tag,
        summary: 'Read for how long evidence is kept',
        scopes: ['retention:read'],
        querystring: noQuery,
        answers: { 200: { description: 'The schedule in force, and what the laws ask', body: overview } },
      }),
      ...gate.needs('retention:read'),
    },
    async () => {
      const state = await retention.state();
      const { transaction, authority, access, operation } = dueBefore(state.schedule, retention.now());
      return {
        schedule: state.schedule,
        dueBefore: {
          transaction: toInstant(transaction),
          authority: toInstant(authority),
          access: toInstant(access),
          operation: toInstant(operation),
        },
        presets: retentionPresets.map(presetView),
        standingHolds: standingHolds(state).length,
        history: state.schedules.slice(0, 100).map(({ since, record, ...schedule }) => ({
          schedule,
          since,
          recordId: record,
        })),
      };
    },
  );

  app.post<{ Body: Static<typeof simulateBody> }>(
    '/retention/simulations',
    {
      ...described({
        tag,
        summary: 'Find out what would go by a change',
        description: 'Another schedule, or a pruning. Nothing changes. What is found can be proposed within a day.',
        scopes: ['retention:propose'],
        body: simulateBody,
        answers: {
          201: { description: 'For each class what would go, and what goes as things are', body: simulationAnswer },
        },
      }),
      ...gate.needs('retention:propose'),
    },
    async (request, reply) =>
      reply.status(201).send(await retention.simulate(request.body.change, gate.callerOf(request))),
  );

  app.get<{ Querystring: Static<typeof statusQuery> }>(
    '/retention/proposals',
    {
      ...described({
        tag,
        summary: 'List proposals',
        scopes: ['retention:read'],
        querystring: statusQuery,
        answers: { 200: { description: 'The newest hundred, newest first', body: changeProposals } },
      }),
      ...gate.needs('retention:read'),
    },
    async (request) => {
      const { proposals } = await retention.state();
      const changes = [...proposals.values()].filter((proposal) => proposal.kind !== 'erasure');
      const now = retention.now();
      return { proposals: listed(changes, request.query.status, now).map((proposal) => changeView(proposal, now)) };
    },
  );

  app.get<WithId>(
    '/retention/proposals/:id',
    {
      ...described({
        tag,
        summary: 'Read a proposal with its simulation',
        scopes: ['retention:read'],
        params: idParams,
        answers: {
          200: { description: 'What an approver has to read; of a pruning, how far it is', body: changeProposal },
        },
      }),
      ...gate.needs('retention:read'),
    },
    async (request) => {
      const { id } = request.params;
      return changeView(proposalOf(await retention.state(), id, kinds), retention.now(), retention.progressOf(id));
    },
  );

  app.post<{ Body: Static<typeof proposeBody> }>(
    '/retention/proposals',
    {
      ...described({
        tag,
        summary: 'Propose what was simulated',
        description: 'Nothing changes until somebody else approves it, within seven days.',
        scopes: ['retention:propose'],
        body: proposeBody,
        answers: { 201: { description: 'What waits for its second person', body: changeProposal } },
      }),
      ...gate.needs('retention:propose'),
    },
    async (request, reply) => {
      const { simulation, reason } = request.body;
      const proposal = await retention.changes.propose(simulation, reason, gate.callerOf(request));
      return reply.status(201).send(changeView(proposal, retention.now()));
    },
  );

  app.post<WithId & { Body: Static<typeof approveBody> }>(
    '/retention/proposals/:id/approve',
    {
      ...described({
        tag,
        summary: 'Approve a proposal',
        description:
          'By another person than the proposer, who names the digest of what was read. A schedule is then in force; a ' +
          'pruning has begun, and its proposal says how far it is.',
        scopes: ['retention:approve'],
        params: idParams,
        body: approveBody,
        answers: { 200: { description: 'The proposal, decided', body: changeProposal } },
      }),
      ...gate.needs('retention:approve'),
    },
    async (request) => {
      const { params, body } = request;
      return changeView(
        await retention.changes.approve(params.id, body.digest, gate.callerOf(request)),
        retention.now(),
        retention.progressOf(params.id),
      );
    },
  );

  app.post<WithId & { Body: Static<typeof reasonBody> }>(
    '/retention/proposals/:id/reject',
    {
      ...described({
        tag,
        summary: 'Reject a proposal',
        scopes: ['retention:approve'],
        params: idParams,
        body: reasonBody,
        answers: { 200: { description: 'The proposal, decided', body: changeProposal } },
      }),
      ...gate.needs('retention:approve'),
    },
    async (request) =>
      changeView(
        await retention.changes.reject(request.params.id, request.body.reason, gate.callerOf(request)),
        retention.now(),
      ),
  );
}

function presetView(name: RetentionPreset) {
  const { source, years } = presets[name];
  return { name, source, years };
}
