import { type RetentionPreset, retentionPresets } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import type { Gate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { proposalOf } from '../deciding.ts';
import type { Requester } from '../dependencies.ts';
import type { RunningRetention } from '../retention.ts';
import { dueBefore, forEachClass, presets } from '../schedule.ts';
import { activeHolds } from '../simulations.ts';
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
import { changeView, describedRoutes, listed } from './views.ts';

const noQuery = Type.Object({}, strict);
type WithId = { Params: Static<typeof idParams> };
const kinds = ['schedule', 'pruning'] as const;

export function changeRoutes(app: FastifyInstance, retention: RunningRetention, gate: Gate<Requester, string>): void {
  const needs = describedRoutes(gate);
  app.get(
    '/retention',
    needs('retention:read', {
      summary: 'Read for how long evidence is kept',
      querystring: noQuery,
      answers: { 200: { description: 'The schedule in force, and what the laws ask', body: overview } },
    }),
    async () => {
      const state = await retention.state();
      const due = dueBefore(state.schedule, retention.now());
      return {
        schedule: state.schedule,
        dueBefore: forEachClass((name) => toInstant(due[name])),
        presets: retentionPresets.map(presetView),
        activeHolds: activeHolds(state).length,
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
    needs('retention:propose', {
      summary: 'Find out what would go by a change',
      description: 'Another schedule, or a pruning. Nothing changes. What is found can be proposed within a day.',
      body: simulateBody,
      answers: {
        201: { description: 'For each class what would go, and what goes as things are', body: simulationAnswer },
      },
    }),
    async (request, reply) =>
      reply.status(201).send(await retention.simulate(request.body.change, gate.callerOf(request))),
  );

  app.get<{ Querystring: Static<typeof statusQuery> }>(
    '/retention/proposals',
    needs('retention:read', {
      summary: 'List proposals',
      querystring: statusQuery,
      answers: { 200: { description: 'The newest hundred, newest first', body: changeProposals } },
    }),
    async (request) => {
      const { proposals } = await retention.state();
      const changes = [...proposals.values()].filter((proposal) => proposal.kind !== 'erasure');
      const now = retention.now();
      return { proposals: listed(changes, request.query.status, now).map((proposal) => changeView(proposal, now)) };
    },
  );

  app.get<WithId>(
    '/retention/proposals/:id',
    needs('retention:read', {
      summary: 'Read a proposal with its simulation',
      params: idParams,
      answers: {
        200: { description: 'What an approver has to read; of a pruning, how far it is', body: changeProposal },
      },
    }),
    async (request) => {
      const { id } = request.params;
      return changeView(proposalOf(await retention.state(), id, kinds), retention.now(), retention.progressOf(id));
    },
  );

  app.post<{ Body: Static<typeof proposeBody> }>(
    '/retention/proposals',
    needs('retention:propose', {
      summary: 'Propose what was simulated',
      description: 'Takes effect when a second person approves it, within seven days.',
      body: proposeBody,
      answers: { 201: { description: 'The change that awaits a second person', body: changeProposal } },
    }),
    async (request, reply) => {
      const { simulation, reason } = request.body;
      const proposal = await retention.changes.propose(simulation, reason, gate.callerOf(request));
      return reply.status(201).send(changeView(proposal, retention.now()));
    },
  );

  app.post<WithId & { Body: Static<typeof approveBody> }>(
    '/retention/proposals/:id/approve',
    needs('retention:approve', {
      summary: 'Approve a proposal',
      description:
        'By another person than the proposer, who names the digest of what was read. A schedule is then in force; a ' +
        'pruning has started, and its proposal shows its progress.',
      params: idParams,
      body: approveBody,
      answers: { 200: { description: 'The proposal, decided', body: changeProposal } },
    }),
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
    needs('retention:approve', {
      summary: 'Reject a proposal',
      params: idParams,
      body: reasonBody,
      answers: { 200: { description: 'The proposal, decided', body: changeProposal } },
    }),
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
