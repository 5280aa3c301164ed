import { type LastingGuard, requesterOf, secretsErrors } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { createGate, described } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import type { TokenHolder } from '../dependencies.ts';
import type { RunningSecrets } from '../secrets.ts';
import {
  approveBody,
  definitionList,
  idParams,
  leaseAnswer,
  leaseBody,
  leaseList,
  leasesQuery,
  nameParams,
  proposalAnswer,
  proposalList,
  proposalsQuery,
  proposeRoleBody,
  proposeValueBody,
  proposeVenueKeyBody,
  rejectBody,
  releasedAnswer,
  removeBody,
  removeParams,
  valueAnswer,
  versionQuery,
} from './schemas.ts';
import { definitionView, leaseView, proposalView, releasedView, roleOf, venueKeyOf } from './views.ts';

const tag = 'secrets';
const kinds = { roles: 'role', values: 'secret', 'venue-keys': 'venue-key' } as const;

export interface SecretsRoutes {
  readonly secrets: RunningSecrets;
  readonly guard: LastingGuard;
  /** LEI of the operator, who administers roles, secrets and keys of venues. */
  readonly operator: string;
  readonly baseUrl: string;
}

/** Credentials and secrets under `/secrets`: leases, values, definitions, proposals. */
export function secretsRoutes(app: FastifyInstance, { secrets, guard, operator, baseUrl }: SecretsRoutes): void {
  const gate = createGate(async (request, scope: string) => {
    const { caller, token } = await guard.checkLasting(request, { scope });
    const { id, institution, through } = requesterOf(caller);
    if (institution === undefined) throw new Error('a caller acts for no institution');
    return { id, institution, through, client: caller.client, token } satisfies TokenHolder;
  }, baseUrl);
  const operatorGate = createGate(async (request, scope: string) => {
    const caller = await guard.check(request, { scope });
    if (caller.institution !== operator)
      throw secretsErrors.error(
        'secret_operator_only',
        'Roles, secrets and keys of venues are administered by the operator of this installation.',
      );
    return requesterOf(caller);
  }, baseUrl);

  app.post<{ Body: Static<typeof leaseBody> }>(
    '/secrets/leases',
    {
      ...described({
        tag,
        summary: 'Lease a credential',
        description:
          'The policies decide, and the lease is recorded before the database has the credential. A holder has one ' +
          'lease for each role: a repeated request returns the same credential, with a record of its own.',
        scopes: ['secret:use'],
        body: leaseBody,
        answers: { 201: { description: 'The credential', body: releasedAnswer } },
      }),
      ...gate.needs('secret:use'),
    },
    async (request, reply) => {
      const lease = await secrets.issue(request.body.role, gate.callerOf(request));
      return reply.status(201).header('cache-control', 'no-store').send(releasedView(lease));
    },
  );

  app.get<{ Querystring: Static<typeof leasesQuery> }>(
    '/secrets/leases',
    {
      ...described({
        tag,
        summary: 'List leases',
        description: 'The newest hundred of your institution; of all institutions for the operator. Without passwords.',
        scopes: ['secret:read'],
        querystring: leasesQuery,
        answers: { 200: { description: 'Newest first', body: leaseList } },
      }),
      ...gate.needs('secret:read'),
    },
    async (request) => {
      const { institution } = gate.callerOf(request);
      const filter = { ...request.query, ...(institution === operator ? {} : { institution }) };
      return { leases: (await secrets.list(filter)).map(leaseView) };
    },
  );

  app.post<{ Params: Static<typeof idParams> }>(
    '/secrets/leases/:id/renew',
    {
      ...described({
        tag,
        summary: 'Renew a lease',
        description:
          'For the holder, with any valid token. The policies decide again. The new end never exceeds `max_expires_at`.',
        scopes: ['secret:use'],
        params: idParams,
        answers: { 200: { description: 'The lease with its new end', body: leaseAnswer } },
      }),
      ...gate.needs('secret:use'),
    },
    async (request) => leaseView(await secrets.renew(request.params.id, gate.callerOf(request))),
  );

  app.post<{ Params: Static<typeof idParams> }>(
    '/secrets/leases/:id/release',
    {
      ...described({
        tag,
        summary: 'Return a lease',
        description: 'For the holder. The credential is removed from the database and its sessions end.',
        scopes: ['secret:use'],
        params: idParams,
        answers: { 200: { description: 'The lease, ended', body: leaseAnswer } },
      }),
      ...gate.needs('secret:use'),
    },
    async (request) => {
      const by = gate.callerOf(request);
      return leaseView(
        await secrets.end(request.params.id, by, ({ holder }) => (holder === by.id ? 'released' : undefined)),
      );
    },
  );

  app.post<{ Params: Static<typeof idParams> }>(
    '/secrets/leases/:id/revoke',
    {
      ...described({
        tag,
        summary: 'Revoke a lease',
        description:
          'For leases of your institution; for all leases as the operator. The credential is removed from the database and its sessions end.',
        scopes: ['secret:revoke'],
        params: idParams,
        answers: { 200: { description: 'The lease, ended', body: leaseAnswer } },
      }),
      ...gate.needs('secret:revoke'),
    },
    async (request) => {
      const by = gate.callerOf(request);
      const mayEnd = ({ institution }: { readonly institution: string }) =>
        by.institution === operator || by.institution === institution ? ('revoked' as const) : undefined;
      return leaseView(await secrets.end(request.params.id, by, mayEnd));
    },
  );

  app.get(
    '/secrets/definitions',
    {
      ...described({
        tag,
        summary: 'List roles, secrets and venue keys',
        description: 'Those that you hold; for the operator, all. Without values.',
        scopes: ['secret:read'],
        answers: { 200: { description: 'In force', body: definitionList } },
      }),
      ...gate.needs('secret:read'),
    },
    async (request) => {
      const { id, institution } = gate.callerOf(request);
      const found = await secrets.definitions(institution === operator ? undefined : id);
      return { definitions: found.map(definitionView) };
    },
  );

  app.post<{ Params: Static<typeof nameParams>; Querystring: Static<typeof versionQuery> }>(
    '/secrets/values/:name/read',
    {
      ...described({
        tag,
        summary: 'Read the value of a secret',
        description: 'For a holder. The policies decide, and the read is recorded before the value is released.',
        scopes: ['secret:use'],
        params: nameParams,
        querystring: versionQuery,
        answers: { 200: { description: 'The value', body: valueAnswer } },
      }),
      ...gate.needs('secret:use'),
    },
    async (request, reply) => {
      const { name } = request.params;
      const found = await secrets.read(name, request.query.version, gate.callerOf(request));
      return reply.header('cache-control', 'no-store').send({ ...found });
    },
  );

  const proposing = (what: string) =>
    ({
      tag,
      description: `${what} Takes effect when a second person approves it, within seven days.`,
      scopes: ['secret:propose'],
      answers: { 201: { description: 'The proposal', body: proposalAnswer } },
    }) as const;

  app.post<{ Body: Static<typeof proposeRoleBody> }>(
    '/secrets/roles/proposals',
    {
      ...described({
        ...proposing('A role in a configured database. Each lease gets a credential with this role.'),
        summary: 'Propose a database role to lease',
        body: proposeRoleBody,
      }),
      ...operatorGate.needs('secret:propose'),
    },
    async (request, reply) => {
      const { name, holders, role, reason } = request.body;
      const wanted = { kind: 'role', change: 'define', name, holders, role: roleOf(role) } as const;
      return reply
        .status(201)
        .send(proposalView(await secrets.propose(wanted, reason, operatorGate.callerOf(request))));
    },
  );

  app.post<{ Body: Static<typeof proposeValueBody> }>(
    '/secrets/values/proposals',
    {
      ...described({
        ...proposing(
          'A new version; earlier versions are unchanged. The record has the digest of the encrypted value only.',
        ),
        summary: 'Propose a secret, or its next version',
        body: proposeValueBody,
      }),
      ...operatorGate.needs('secret:propose'),
    },
    async (request, reply) => {
      const { name, holders, value, reason } = request.body;
      const wanted = { kind: 'secret', change: 'define', name, holders, value } as const;
      return reply
        .status(201)
        .send(proposalView(await secrets.propose(wanted, reason, operatorGate.callerOf(request))));
    },
  );

  app.post<{ Body: Static<typeof proposeVenueKeyBody> }>(
    '/secrets/venue-keys/proposals',
    {
      ...described({
        ...proposing(
          'Without `value`, the key is made here, and the answer has its public key for the venue. With `probe` `required`, the venue ' +
            'is asked at approval whether the key can do more than trade.',
        ),
        summary: 'Propose a key of a trading venue',
        body: proposeVenueKeyBody,
      }),
      ...operatorGate.needs('secret:propose'),
    },
    async (request, reply) => {
      const { name, holders, venue_key: venueKey, value, keep, reason } = request.body;
      const wanted = {
        ...({ kind: 'venue-key', change: 'define' } as const),
        ...{ name, holders, venueKey: venueKeyOf(venueKey) },
        ...defined({ value, keep }),
      };
      return reply
        .status(201)
        .send(proposalView(await secrets.propose(wanted, reason, operatorGate.callerOf(request))));
    },
  );

  app.post<{ Params: Static<typeof removeParams>; Body: Static<typeof removeBody> }>(
    '/secrets/:kind/:name/removal',
    {
      ...described({
        ...proposing('Leases of a role end, and values are destroyed with their keys.'),
        summary: 'Propose the removal of a role, a secret or a key of a venue',
        params: removeParams,
        body: removeBody,
      }),
      ...operatorGate.needs('secret:propose'),
    },
    async (request, reply) => {
      const { kind, name } = request.params;
      const wanted = { kind: kinds[kind], change: 'remove', name, holders: [] } as const;
      const by = operatorGate.callerOf(request);
      return reply.status(201).send(proposalView(await secrets.propose(wanted, request.body.reason, by)));
    },
  );

  app.get<{ Querystring: Static<typeof proposalsQuery> }>(
    '/secrets/proposals',
    {
      ...described({
        tag,
        summary: 'List proposals about roles, secrets and keys of venues',
        scopes: ['secret:read'],
        querystring: proposalsQuery,
        answers: { 200: { description: 'The newest hundred, newest first', body: proposalList } },
      }),
      ...operatorGate.needs('secret:read'),
    },
    async (request) => ({ proposals: (await secrets.proposals(request.query.status)).map(proposalView) }),
  );

  app.post<{ Params: Static<typeof idParams>; Body: Static<typeof approveBody> }>(
    '/secrets/proposals/:id/approve',
    {
      ...described({
        tag,
        summary: 'Approve a proposal about a role, a secret or a key of a venue',
        description: 'The approver must not be the proposer, and names the digest of the proposal that they have read.',
        scopes: ['secret:approve'],
        params: idParams,
        body: approveBody,
        answers: { 200: { description: 'The proposal, decided', body: proposalAnswer } },
      }),
      ...operatorGate.needs('secret:approve'),
    },
    async (request) =>
      proposalView(await secrets.approve(request.params.id, request.body.digest, operatorGate.callerOf(request))),
  );

  app.post<{ Params: Static<typeof idParams>; Body: Static<typeof rejectBody> }>(
    '/secrets/proposals/:id/reject',
    {
      ...described({
        tag,
        summary: 'Reject a proposal about a role, a secret or a key of a venue',
        scopes: ['secret:approve'],
        params: idParams,
        body: rejectBody,
        answers: { 200: { description: 'The proposal, decided', body: proposalAnswer } },
      }),
      ...operatorGate.needs('secret:approve'),
    },
    async (request) =>
      proposalView(await secrets.reject(request.params.id, request.body.reason, operatorGate.callerOf(request))),
  );
}
