import { type Requester, type ResourceGuard, requesterOf } from '@countersign/contracts';
import { defined, toInstant } from '@countersign/kernel';
import { createGate, described } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import { type Halt, latestTrip } from '../halt.ts';
import type { HaltState, ReleaseState } from '../ledger.ts';
import {
  approveBody,
  haltAnswer,
  haltList,
  haltParams,
  haltWithReleases,
  listQuery,
  releaseAnswer,
  releaseBody,
  releaseParams,
  tripBody,
} from './schemas.ts';

const tag = 'halts';

export interface HaltRoutes {
  readonly halt: Halt;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
}

/** The interface under `/halts`: one person halts trading, two others release it. */
export function haltRoutes(app: FastifyInstance, { halt, guard, baseUrl }: HaltRoutes): void {
  const gate = createGate(
    async (request, scope: string): Promise<Requester> => requesterOf(await guard.check(request, { scope })),
    baseUrl,
  );

  app.post<{ Body: Static<typeof tripBody> }>(
    '/halts',
    {
      ...described({
        tag,
        summary: 'Halt trading',
        description:
          'Takes effect on every node before the response: no new tokens, decisions or steps that start new risk for the target, and ' +
          'earlier tokens for such steps are void. Cancelling and settling remain possible. The operator can halt anything; another ' +
          'institution itself, its desks, people, software and clients, and its own trading at a venue, in a class of instruments or ' +
          'with a partner. Repeating it is recorded and ends a proposed release.',
        scopes: ['halt:trip'],
        body: tripBody,
        answers: { 201: { description: 'In force', body: haltAnswer } },
      }),
      ...gate.needs('halt:trip'),
    },
    async (request, reply) => {
      const { kind, id, reason } = request.body;
      return reply.status(201).send(haltView(await halt.trip({ kind, id }, reason, gate.callerOf(request))));
    },
  );

  app.get<{ Querystring: Static<typeof listQuery> }>(
    '/halts',
    {
      ...described({
        tag,
        summary: 'List halts',
        description: 'The operator sees all, another institution its own.',
        scopes: ['halt:read'],
        querystring: listQuery,
        answers: { 200: { description: 'Newest first, at most 1,000', body: haltList } },
      }),
      ...gate.needs('halt:read'),
    },
    async (request) => ({ halts: (await halt.list(gate.callerOf(request), request.query.status)).map(haltView) }),
  );

  app.get<{ Params: Static<typeof haltParams> }>(
    '/halts/:halt',
    {
      ...described({
        tag,
        summary: 'Read a halt and its releases',
        scopes: ['halt:read'],
        params: haltParams,
        answers: { 200: { description: 'By the record of any of its trips', body: haltWithReleases } },
      }),
      ...gate.needs('halt:read'),
    },
    async (request) => {
      const found = await halt.find(request.params.halt, gate.callerOf(request));
      return { halt: haltView(found), releases: (await halt.releasesOf(found)).map(releaseView) };
    },
  );

  app.post<{ Params: Static<typeof haltParams>; Body: Static<typeof releaseBody> }>(
    '/halts/:halt/releases',
    {
      ...described({
        tag,
        summary: 'Propose the release of a halt',
        description:
          'By a person who did not trip it. Takes effect when a second such person approves it, within a day.',
        scopes: ['halt:release'],
        params: haltParams,
        body: releaseBody,
        answers: { 201: { description: 'The release, waiting', body: releaseAnswer } },
      }),
      ...gate.needs('halt:release'),
    },
    async (request, reply) => {
      const { params, body } = request;
      const release = await halt.proposeRelease(params.halt, body.reason, gate.callerOf(request));
      return reply.status(201).send(releaseView(release));
    },
  );

  app.post<{ Params: Static<typeof releaseParams>; Body: Static<typeof approveBody> }>(
    '/halts/releases/:release/approve',
    {
      ...described({
        tag,
        summary: 'Approve the release of a halt',
        description: 'By another person, who did not trip the halt either and names the digest of the release.',
        scopes: ['halt:approve'],
        params: releaseParams,
        body: approveBody,
        answers: { 200: { description: 'Released on every node', body: releaseAnswer } },
      }),
      ...gate.needs('halt:approve'),
    },
    async (request) =>
      releaseView(await halt.approveRelease(request.params.release, request.body.digest, gate.callerOf(request))),
  );

  app.post<{ Params: Static<typeof releaseParams>; Body: Static<typeof releaseBody> }>(
    '/halts/releases/:release/reject',
    {
      ...described({
        tag,
        summary: 'Reject the release of a halt',
        scopes: ['halt:approve'],
        params: releaseParams,
        body: releaseBody,
        answers: { 200: { description: 'The release, decided', body: releaseAnswer } },
      }),
      ...gate.needs('halt:approve'),
    },
    async (request) =>
      releaseView(await halt.rejectRelease(request.params.release, request.body.reason, gate.callerOf(request))),
  );

  function releaseView(release: ReleaseState): Static<typeof releaseAnswer> {
    const { id, halt: of, proposal, digest, expiresAt, decision } = release;
    return {
      ...{ release: id, halt: of, status: halt.statusOf(release), reason: proposal.reason ?? '', digest },
      ...{ proposed_by: { ...proposal.by }, proposed_at: proposal.at, expires_at: toInstant(expiresAt) },
      ...defined({ decided_by: decision && { ...decision.by }, decided_at: decision?.at }),
    };
  }
}

function haltView(state: HaltState): Static<typeof haltAnswer> {
  const { kind, id, party, trips, released } = state;
  return {
    ...{ halt: latestTrip(state), kind, id, party },
    status: released === undefined ? 'in-force' : 'released',
    trips: trips.map(({ record, by, at, reason = '' }) => ({ record, by: { ...by }, at, reason })),
    ...defined({ released_by: released && { ...released.by }, released_at: released?.at }),
  };
}
