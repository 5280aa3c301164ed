import { type Caller, type PolicyEngine, policyErrors, type ResourceGuard } from '@countersign/contracts';
import { type Digest, type PolicyCandidateId, parseDigest, parseId, type SimulationId } from '@countersign/kernel';
import type { Scope } from '@countersign/market';
import { createGate, described, type Gate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { bundleBodyLimit as bodyLimit } from '../bundle/bundle-body.ts';
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

const tag = 'policies';
const idParams = Type.Object({ id: Type.String({ maxLength: 64 }) }, strict);
const versionParams = Type.Object({ version: Type.String({ pattern: '^[1-9][0-9]{0,8}$' }) }, strict);
const listQuery = Type.Object({ status: Type.Optional(candidateStatus) }, strict);

export function versionRoutes(
  app: FastifyInstance,
  deps: { readonly policyEngine: Governed; readonly guard: ResourceGuard; readonly baseUrl: string },
): void {
  const gate = createGate((request, scope: Scope) => deps.guard.check(request, { scope }), deps.baseUrl);
  readRoutes(app, deps.policyEngine, gate);
  proposeRoutes(app, deps.policyEngine, gate);
  decideRoutes(app, deps.policyEngine, gate);
}

function readRoutes(app: FastifyInstance, { active, versions }: Governed, gate: Gate<Caller, Scope>): void {
  app.get(
    '/policies',
    {
      ...described({
        tag,
        summary: 'List the versions of the policies',
        scopes: ['policy:read'],
        answers: { 200: { description: 'The versions without their texts', body: versionList } },
      }),
      ...gate.needs('policy:read'),
    },
    async () => ({ versions: (await versions.list()).map(({ policies: _texts, ...summary }) => summary) }),
  );

  app.get(
    '/policies/active',
    {
      ...described({
        tag,
        summary: 'Read the active version',
        scopes: ['policy:read'],
        answers: { 200: { description: 'The version that this node uses now', body: versionWithBundle } },
      }),
      ...gate.needs('policy:read'),
    },
    async () => {
      const version = active();
      return { version, bundle: await versions.bundle(version.version) };
    },
  );

  app.get<{ Params: Static<typeof versionParams> }>(
    '/policies/:version',
    {
      ...described({
        tag,
        summary: 'Read a version',
        scopes: ['policy:read'],
        params: versionParams,
        answers: { 200: { description: 'The version and its bundle', body: versionWithBundle } },
      }),
      ...gate.needs('policy:read'),
    },
    async (request) => {
      const number = Number(request.params.version);
      return { version: await versions.version(number), bundle: await versions.bundle(number) };
    },
  );

  app.get<{ Querystring: Static<typeof listQuery> }>(
    '/policies/candidates',
    {
      ...described({
        tag,
        summary: 'List proposed bundles',
        scopes: ['policy:read'],
        querystring: listQuery,
        answers: { 200: { description: 'Open and decided candidates', body: candidateList } },
      }),
      ...gate.needs('policy:read'),
    },
    async (request) => {
      const { status } = request.query;
      return { candidates: await versions.candidates(status === undefined ? {} : { status }) };
    },
  );

  app.get<WithId>(
    '/policies/candidates/:id',
    {
      ...described({
        tag,
        summary: 'Read a proposed bundle',
        scopes: ['policy:read'],
        params: idParams,
        answers: { 200: { description: 'The candidate and its bundle', body: candidateWithBundle } },
      }),
      ...gate.needs('policy:read'),
    },
    async (request) => versions.candidate(candidateIdOf(request.params.id)),
  );
}

function proposeRoutes(app: FastifyInstance, { versions }: Governed, gate: Gate<Caller, Scope>): void {
  app.post<{ Body: Static<typeof validateBody> }>(
    '/policies/validate',
    {
      bodyLimit,
      ...described({
        tag,
        summary: 'Validate a bundle and run its tests',
        description: 'Nothing is stored. A bundle that cannot be loaded is refused with all its problems.',
        scopes: ['policy:propose'],
        body: validateBody,
        answers: { 200: { description: 'The contents of the bundle and its test results', body: validated } },
      }),
      ...gate.needs('policy:propose'),
    },
    async (request) => validateBundle(request.body.bundle),
  );

  app.post<{ Body: Static<typeof proposeBody> }>(
    '/policies/candidates',
    {
      bodyLimit,
      ...described({
        tag,
        summary: 'Propose a bundle',
        description:
          'Its tests must pass, and the named simulation must be of exactly this bundle against the active version, at most a ' +
          'day old. Nothing changes until another person approves it.',
        scopes: ['policy:propose'],
        body: proposeBody,
        answers: { 201: { description: 'The candidate awaiting approval', body: candidate } },
      }),
      ...gate.needs('policy:propose'),
    },
    async (request, reply) => {
      const { bundle, changeRequest, reason, simulation } = request.body;
      const about = { changeRequest, reason, simulation: simulationIdOf(simulation) };
      return reply.status(201).send(await versions.propose(bundle, about, requireUndelegated(gate.callerOf(request))));
    },
  );
}

function decideRoutes(app: FastifyInstance, { versions }: Governed, gate: Gate<Caller, Scope>): void {
  app.post<WithId & { Body: Static<typeof approveBody> }>(
    '/policies/candidates/:id/approve',
    {
      ...described({
        tag,
        summary: 'Approve a bundle: it comes into force',
        description: 'By a principal other than the proposer, who names the digest of the candidate. Possible once.',
        scopes: ['policy:approve'],
        params: idParams,
        body: approveBody,
        answers: { 200: { description: 'The version that is active now', body: versionAnswer } },
      }),
      ...gate.needs('policy:approve'),
    },
    async (request) =>
      versions.approve(
        candidateIdOf(request.params.id),
        digestOfBody(request.body.digest),
        requireUndelegated(gate.callerOf(request)),
      ),
  );

  app.post<WithId & { Body: Static<typeof rejectBody> }>(
    '/policies/candidates/:id/reject',
    {
      ...described({
        tag,
        summary: 'Reject a bundle',
        scopes: ['policy:approve'],
        params: idParams,
        body: rejectBody,
        answers: { 200: { description: 'The candidate, decided', body: candidate } },
      }),
      ...gate.needs('policy:approve'),
    },
    async (request) =>
      versions.reject(
        candidateIdOf(request.params.id),
        requireUndelegated(gate.callerOf(request)),
        request.body.reason,
      ),
  );

  app.post<{ Body: Static<typeof rollBackBody> }>(
    '/policies/rollback',
    {
      ...described({
        tag,
        summary: 'Go back one step',
        description:
          'The previously active bundle comes into force again as a new version. Possible once, by one person.',
        scopes: ['policy:rollback'],
        body: rollBackBody,
        answers: { 200: { description: 'The version that is active now', body: versionAnswer } },
      }),
      ...gate.needs('policy:rollback'),
    },
    async (request) => versions.rollBack(request.body, requireUndelegated(gate.callerOf(request))),
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
