import { described, type Gate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import { proposalOf } from '../deciding.ts';
import type { Requester } from '../requester.ts';
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
import { erasureView, listed } from './views.ts';

const tag = 'retention';
type WithId = { Params: Static<typeof idParams> };

export function erasureRoutes(app: FastifyInstance, retention: RunningRetention, gate: Gate<Requester, string>): void {
  app.get<{ Querystring: Static<typeof keysQuery> }>(
    '/retention/erasures/keys',
    {
      ...described({
        tag,
        summary: 'List the keys of a subject',
        description:
          'Under each, the protected values of one region, class and year; and from when they may be erased.',
        scopes: ['retention:read'],
        querystring: keysQuery,
        answers: { 200: { description: 'Erased ones too', body: keysAnswer } },
      }),
      ...gate.needs('retention:read'),
    },
    async (request) => ({ keys: await retention.erasures.keysOf(request.query.subject) }),
  );

  app.get<{ Querystring: Static<typeof statusQuery> }>(
    '/retention/erasures',
    {
      ...described({
        tag,
        summary: 'List erasures',
        scopes: ['retention:read'],
        querystring: statusQuery,
        answers: { 200: { description: 'The newest hundred, newest first', body: erasureProposals } },
      }),
      ...gate.needs('retention:read'),
    },
    async (request) => {
      const { proposals } = await retention.state();
      const erasures = [...proposals.values()].filter((proposal) => proposal.kind === 'erasure');
      const now = retention.now();
      return { erasures: listed(erasures, request.query.status, now).map((proposal) => erasureView(proposal, now)) };
    },
  );

  app.get<WithId>(
    '/retention/erasures/:id',
    {
      ...described({
        tag,
        summary: 'Read an erasure',
        scopes: ['retention:read'],
        params: idParams,
        answers: { 200: { description: 'What an approver has to read', body: erasureProposal } },
      }),
      ...gate.needs('retention:read'),
    },
    async (request) =>
      erasureView(proposalOf(await retention.state(), request.params.id, ['erasure']), retention.now()),
  );

  app.post<{ Body: Static<typeof erasureBody> }>(
    '/retention/erasures',
    {
      ...described({
        tag,
        summary: 'Propose an erasure',
        description: 'Of values whose retention has passed and that no hold keeps. Somebody else approves it.',
        scopes: ['erasure:propose'],
        body: erasureBody,
        answers: { 201: { description: 'What waits for its second person', body: erasureProposal } },
      }),
      ...gate.needs('erasure:propose'),
    },
    async (request, reply) => {
      const proposal = await retention.erasures.propose(request.body, gate.callerOf(request));
      return reply.status(201).send(erasureView(proposal, retention.now()));
    },
  );

  app.post<WithId & { Body: Static<typeof approveBody> }>(
    '/retention/erasures/:id/approve',
    {
      ...described({
        tag,
        summary: 'Approve an erasure',
        description:
          'By another person than the proposer, who names the digest of what was read. It is done at once, and cannot be undone.',
        scopes: ['erasure:approve'],
        params: idParams,
        body: approveBody,
        answers: { 200: { description: 'The erasure, decided', body: erasureProposal } },
      }),
      ...gate.needs('erasure:approve'),
    },
    async (request) =>
      erasureView(
        await retention.erasures.approve(request.params.id, request.body.digest, gate.callerOf(request)),
        retention.now(),
      ),
  );

  app.post<WithId & { Body: Static<typeof reasonBody> }>(
    '/retention/erasures/:id/reject',
    {
      ...described({
        tag,
        summary: 'Reject an erasure',
        scopes: ['erasure:approve'],
        params: idParams,
        body: reasonBody,
        answers: { 200: { description: 'The erasure, decided', body: erasureProposal } },
      }),
      ...gate.needs('erasure:approve'),
    },
    async (request) =>
      erasureView(
        await retention.erasures.reject(request.params.id, request.body.reason, gate.callerOf(request)),
        retention.now(),
      ),
  );
}
