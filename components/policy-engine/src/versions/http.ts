import { type PolicyEngine, policyErrors, type ResourceGuard } from '@countersign/contracts';
import { type Digest, type PolicyCandidateId, parseDigest, parseId, type SimulationId } from '@countersign/kernel';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { bundleBodyLimit as bodyLimit } from '../bundle/bundle-body.ts';
import { type GuardedRoutes, guardedRoutes } from '../guarded-routes.ts';
import { requireUndelegated } from './change-request.ts';
import { candidateNotFound } from './recorded-candidate.ts';
import {
  approveBody,
  candidate,
  candidateList,
  candidateStatus,
  candidateWithBundle,
  proposeBody,
  rejectBody,
  rollBackBody,
  strict,
  validateBody,
  validated,
  versionAnswer,
  versionList,
  versionWithBundle,
} from './schemas.ts';
import { validateBundle } from './validate.ts';

type Governed = Pick<PolicyEngine, 'active' | 'versions'>;
type WithId = { Params: Static<typeof idParams> };

const idParams = Type.Object({ id: Type.String({ maxLength: 64 }) }, strict);
const versionParams = Type.Object({ version: Type.String({ pattern: '^[1-9][0-9]{0,8}$' }) }, strict);
const listQuery = Type.Object({ status: Type.Optional(candidateStatus) }, strict);

export function versionRoutes(
  app: FastifyInstance,
  deps: { readonly policyEngine: Governed; readonly guard: ResourceGuard; readonly baseUrl: string },
): void {
  const routes = guardedRoutes('policies', deps);
  readRoutes(app, deps.policyEngine, routes);
  proposeRoutes(app, deps.policyEngine, routes);
  decideRoutes(app, deps.policyEngine, routes);
}

function readRoutes(app: FastifyInstance, { active, versions }: Governed, routes: GuardedRoutes): void {
  app.get(
    '/policies',
    routes.needs('policy:read', {
      summary: 'List the versions of the policies',
      answers: { 200: { description: 'The versions without their texts', body: versionList } },
    }),
    async () => ({ versions: (await versions.list()).map(({ policies: _texts, ...summary }) => summary) }),
  );

  app.get(
    '/policies/active',
    routes.needs('policy:read', {
      summary: 'Read the active version',
      answers: { 200: { description: 'The version that this node uses now', body: versionWithBundle } },
    }),
    async () => {
      const version = active();
      return { version, bundle: await versions.bundle(version.version) };
    },
  );

  app.get<{ Params: Static<typeof versionParams> }>(
    '/policies/:version',
    routes.needs('policy:read', {
      summary: 'Read a version',
      params: versionParams,
      answers: { 200: { description: 'The version and its bundle', body: versionWithBundle } },
    }),
    async (request) => {
      const number = Number(request.params.version);
      return { version: await versions.version(number), bundle: await versions.bundle(number) };
    },
  );

  app.get<{ Querystring: Static<typeof listQuery> }>(
    '/policies/candidates',
    routes.needs('policy:read', {
      summary: 'List proposed bundles',
      querystring: listQuery,
      answers: { 200: { description: 'Open and decided candidates', body: candidateList } },
    }),
    async (request) => {
      const { status } = request.query;
      return { candidates: await versions.candidates(status === undefined ? {} : { status }) };
    },
  );

  app.get<WithId>(
    '/policies/candidates/:id',
    routes.needs('policy:read', {
      summary: 'Read a proposed bundle',
      params: idParams,
      answers: { 200: { description: 'The candidate and its bundle', body: candidateWithBundle } },
    }),
    async (request) => versions.candidate(candidateIdOf(request.params.id)),
  );
}

function proposeRoutes(app: FastifyInstance, { versions }: Governed, routes: GuardedRoutes): void {
  app.post<{ Body: Static<typeof validateBody> }>(
    '/policies/validate',
    {
      bodyLimit,
      ...routes.needs('policy:propose', {
        summary: 'Validate a bundle and run its tests',
        description: 'Nothing is stored. A bundle that cannot be loaded is refused with all its problems.',
        body: validateBody,
        answers: { 200: { description: 'The contents of the bundle and its test results', body: validated } },
      }),
    },
    async (request) => validateBundle(request.body.bundle),
  );

  app.post<{ Body: Static<typeof proposeBody> }>(
    '/policies/candidates',
    {
      bodyLimit,
      ...routes.needs('policy:propose', {
        summary: 'Propose a bundle',
        description:
          'Its tests must pass, and the named simulation must be of exactly this bundle against the active version, at most a ' +
          'day old. Nothing changes until another person approves it.',
        body: proposeBody,
        answers: { 201: { description: 'The candidate awaiting approval', body: candidate } },
      }),
    },
    async (request, reply) => {
      const { bundle, changeRequest, reason, simulation } = request.body;
      const about = { changeRequest, reason, simulation: simulationIdOf(simulation) };
      return reply
        .status(201)
        .send(await versions.propose(bundle, about, requireUndelegated(routes.callerOf(request))));
    },
  );
}

function decideRoutes(app: FastifyInstance, { versions }: Governed, routes: GuardedRoutes): void {
  app.post<WithId & { Body: Static<typeof approveBody> }>(
    '/policies/candidates/:id/approve',
    routes.needs('policy:approve', {
      summary: 'Approve a bundle: it comes into force',
      description: 'By a principal other than the proposer, who names the digest of the candidate. Possible once.',
      params: idParams,
      body: approveBody,
      answers: { 200: { description: 'The version that is active now', body: versionAnswer } },
    }),
    async (request) =>
      versions.approve(
        candidateIdOf(request.params.id),
        digestOfBody(request.body.digest),
        requireUndelegated(routes.callerOf(request)),
      ),
  );

  app.post<WithId & { Body: Static<typeof rejectBody> }>(
    '/policies/candidates/:id/reject',
    routes.needs('policy:approve', {
      summary: 'Reject a bundle',
      params: idParams,
      body: rejectBody,
      answers: { 200: { description: 'The candidate, decided', body: candidate } },
    }),
    async (request) =>
      versions.reject(
        candidateIdOf(request.params.id),
        requireUndelegated(routes.callerOf(request)),
        request.body.reason,
      ),
  );

  app.post<{ Body: Static<typeof rollBackBody> }>(
    '/policies/rollback',
    routes.needs('policy:rollback', {
      summary: 'Go back one step',
      description:
        'The previously active bundle comes into force again as a new version. Possible once, by one person.',
      body: rollBackBody,
      answers: { 200: { description: 'The version that is active now', body: versionAnswer } },
    }),
    async (request) => versions.rollBack(request.body, requireUndelegated(routes.callerOf(request))),
  );
}

function candidateIdOf(text: string): PolicyCandidateId {
  const id = parseId('policyCandidate', text);
  if (id === undefined) throw candidateNotFound();
  return id;
}

function simulationIdOf(text: string): SimulationId {
  const id = parseId('simulation', text);
  if (id === undefined) throw policyErrors.error('policy_not_simulated', 'There is no simulation with this id.');
  return id;
}

function digestOfBody(text: string): Digest {
  const digest = parseDigest(text);
  if (digest === undefined) throw new Error('the schema accepted an invalid digest');
  return digest;
}
