import type { Gate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import { proposalOf } from '../deciding.ts';
import type { Requester } from '../dependencies.ts';
import type { RunningRetention } from '../retention.ts';
import {
  approveBody,
  erasureBody,
  erasureProposal,
  erasureProposals,
  idParams,
  keysAnswer,
  keysQuery,
  reasonBody,
  statusQuery,
} from './schemas.ts';
import { describedRoutes, erasureView, listed } from './views.ts';

type WithId = { Params: Static<typeof idParams> };

export function erasureRoutes(app: FastifyInstance, retention: RunningRetention, gate: Gate<Requester, string>): void {
  const needs = describedRoutes(gate);
  app.get<{ Querystring: Static<typeof keysQuery> }>(
    '/retention/erasures/keys',
    needs('retention:read', {
      summary: 'List the keys of a subject',
      description: 'Under each, the protected values of one region, class and year; and from when they may be erased.',
      querystring: keysQuery,
      answers: { 200: { description: 'Erased ones too', body: keysAnswer } },
    }),
    async (request) => ({ keys: await retention.erasures.keysOf(request.query.subject) }),
  );

  app.get<{ Querystring: Static<typeof statusQuery> }>(
    '/retention/erasures',
    needs('retention:read', {
      summary: 'List erasures',
      querystring: statusQuery,
      answers: { 200: { description: 'The newest hundred, newest first', body: erasureProposals } },
    }),
    async (request) => {
      const { proposals } = await retention.state();
      const erasures = [...proposals.values()].filter((proposal) => proposal.kind === 'erasure');
      const now = retention.now();
      return { erasures: listed(erasures, request.query.status, now).map((proposal) => erasureView(proposal, now)) };
    },
  );

  app.get<WithId>(
    '/retention/erasures/:id',
    needs('retention:read', {
      summary: 'Read an erasure',
      params: idParams,
      answers: { 200: { description: 'What an approver has to read', body: erasureProposal } },
    }),
    async (request) =>
      erasureView(proposalOf(await retention.state(), request.params.id, ['erasure']), retention.now()),
  );

  app.post<{ Body: Static<typeof erasureBody> }>(
    '/retention/erasures',
    needs('erasure:propose', {
      summary: 'Propose an erasure',
      description: 'Of values whose retention has passed and that no hold keeps. Somebody else approves it.',
      body: erasureBody,
      answers: { 201: { description: 'The change that awaits a second person', body: erasureProposal } },
    }),
    async (request, reply) => {
      const proposal = await retention.erasures.propose(request.body, gate.callerOf(request));
      return reply.status(201).send(erasureView(proposal, retention.now()));
    },
  );

  app.post<WithId & { Body: Static<typeof approveBody> }>(
    '/retention/erasures/:id/approve',
    needs('erasure:approve', {
      summary: 'Approve an erasure',
      description:
        'By another person than the proposer, who names the digest of what was read. It is done at once, and cannot be undone.',
      params: idParams,
      body: approveBody,
      answers: { 200: { description: 'The erasure, decided', body: erasureProposal } },
    }),
    async (request) =>
      erasureView(
        await retention.erasures.approve(request.params.id, request.body.digest, gate.callerOf(request)),
        retention.now(),
      ),
  );

  app.post<WithId & { Body: Static<typeof reasonBody> }>(
    '/retention/erasures/:id/reject',
    needs('erasure:approve', {
      summary: 'Reject an erasure',
      params: idParams,
      body: reasonBody,
      answers: { 200: { description: 'The erasure, decided', body: erasureProposal } },
    }),
    async (request) =>
      erasureView(
        await retention.erasures.reject(request.params.id, request.body.reason, gate.callerOf(request)),
        retention.now(),
      ),
  );
}
