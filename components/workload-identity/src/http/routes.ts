import { createPublicKey } from 'node:crypto';
import {
  certificateAuthorityErrors,
  type PublicKey,
  type ResourceGuard,
  requesterOf,
  type WorkloadEntry,
  type WorkloadProposal,
  workloadErrors,
} from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { createGate, described } from '@countersign/runtime';
import { decodePem, encodePem, readX509Certificate } from '@countersign/x509';
import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import { documentOf } from '../terms.ts';
import type { Attester, RunningWorkloadIdentity } from '../workload-identity.ts';
import {
  approveBody,
  bundleAnswer,
  entryAnswer,
  entryList,
  idParams,
  nameParams,
  proposalAnswer,
  proposalList,
  proposalsQuery,
  proposeBody,
  rejectBody,
  standingAnswer,
  standingQuery,
  suspendBody,
  svidAnswer,
  svidBody,
  tokenAnswer,
  tokenBody,
} from './schemas.ts';

const tag = 'workloads';

export interface WorkloadIdentityRoutes {
  readonly workloadIdentity: RunningWorkloadIdentity;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
  /** LEI of the operator, who administers the entries. */
  readonly operator: string;
}

/** The interface under `/workloads`: registration entries for people, certificates for attesters. */
export function workloadIdentityRoutes(app: FastifyInstance, dependencies: WorkloadIdentityRoutes): void {
  const { workloadIdentity: workloads, guard, baseUrl, operator } = dependencies;
  const gate = createGate(async (request, scope: string): Promise<Attester> => {
    const caller = await guard.check(request, { scope });
    return { ...requesterOf(caller), client: caller.client };
  }, baseUrl);
  const operatorGate = createGate(async (request, scope: string) => {
    const caller = await guard.check(request, { scope });
    if (caller.institution !== operator)
      throw workloadErrors.error('workload_attester_unknown', 'Registration entries are administered by the operator.');
    return requesterOf(caller);
  }, baseUrl);

  app.get(
    '/workloads',
    {
      ...described({
        tag,
        summary: 'List registered workloads',
        scopes: ['workload:read'],
        answers: { 200: { description: 'Every entry', body: entryList } },
      }),
      ...operatorGate.needs('workload:read'),
    },
    async () => ({ entries: (await workloads.entries()).map(entryView) }),
  );

  app.get<{ Params: Static<typeof nameParams> }>(
    '/workloads/:name',
    {
      ...described({
        tag,
        summary: 'Read a registration entry',
        scopes: ['workload:read'],
        params: nameParams,
        answers: { 200: { description: 'The entry', body: entryAnswer } },
      }),
      ...operatorGate.needs('workload:read'),
    },
    async (request) => entryView(await workloads.entry(request.params.name)),
  );

  app.post<{ Body: Static<typeof proposeBody> }>(
    '/workloads/proposals',
    {
      ...described({
        tag,
        summary: 'Propose a registration entry',
        description:
          'A new entry, or other terms of one. Takes effect when a second person approves it, within seven days.',
        scopes: ['workload:propose'],
        body: proposeBody,
        answers: { 201: { description: 'The proposal', body: proposalAnswer } },
      }),
      ...operatorGate.needs('workload:propose'),
    },
    async (request, reply) => {
      const { entry, terms, reason } = request.body;
      const proposal = await workloads.propose(entry, terms, reason, operatorGate.callerOf(request));
      return reply.status(201).send(proposalView(proposal));
    },
  );

  app.get<{ Querystring: Static<typeof proposalsQuery> }>(
    '/workloads/proposals',
    {
      ...described({
        tag,
        summary: 'List proposals of registration entries',
        scopes: ['workload:read'],
        querystring: proposalsQuery,
        answers: { 200: { description: 'Newest first', body: proposalList } },
      }),
      ...operatorGate.needs('workload:read'),
    },
    async (request) => ({ proposals: (await workloads.proposals(request.query.status)).map(proposalView) }),
  );

  app.post<{ Params: Static<typeof idParams>; Body: Static<typeof approveBody> }>(
    '/workloads/proposals/:id/approve',
    {
      ...described({
        tag,
        summary: 'Approve a registration entry',
        description: 'The approver must not be the proposer, and names the digest of the proposal that they have read.',
        scopes: ['workload:approve'],
        params: idParams,
        body: approveBody,
        answers: { 200: { description: 'The proposal, decided', body: proposalAnswer } },
      }),
      ...operatorGate.needs('workload:approve'),
    },
    async (request) =>
      proposalView(await workloads.approve(request.params.id, request.body.digest, operatorGate.callerOf(request))),
  );

  app.post<{ Params: Static<typeof idParams>; Body: Static<typeof rejectBody> }>(
    '/workloads/proposals/:id/reject',
    {
      ...described({
        tag,
        summary: 'Reject a registration entry',
        scopes: ['workload:approve'],
        params: idParams,
        body: rejectBody,
        answers: { 200: { description: 'The proposal, decided', body: proposalAnswer } },
      }),
      ...operatorGate.needs('workload:approve'),
    },
    async (request) =>
      proposalView(await workloads.reject(request.params.id, request.body.reason, operatorGate.callerOf(request))),
  );

  app.post<{ Params: Static<typeof nameParams>; Body: Static<typeof suspendBody> }>(
    '/workloads/:name/suspend',
    {
      ...described({
        tag,
        summary: 'Suspend a workload',
        description: 'Takes effect at once, and its agent stops serving it. Two people must approve the entry again.',
        scopes: ['workload:suspend'],
        params: nameParams,
        body: suspendBody,
        answers: { 200: { description: 'The entry', body: entryAnswer } },
      }),
      ...operatorGate.needs('workload:suspend'),
    },
    async (request) =>
      entryView(await workloads.suspend(request.params.name, request.body.reason, operatorGate.callerOf(request))),
  );

  app.post<{ Params: Static<typeof nameParams>; Body: Static<typeof svidBody> }>(
    '/workloads/:name/svid',
    {
      ...described({
        tag,
        summary: 'Obtain an X.509-SVID for a workload',
        description:
          'For an attester of the entry. The evidence is compared with the entry; a refusal names the expected and the found value, ' +
          'and is recorded.',
        scopes: ['workload:attest'],
        params: nameParams,
        body: svidBody,
        answers: { 201: { description: 'The certificate', body: svidAnswer } },
      }),
      ...gate.needs('workload:attest'),
    },
    async (request, reply) => {
      const { request: pem, evidence } = request.body;
      const order = { entry: request.params.name, evidence, request: requestIn(pem) };
      const svid = await workloads.issue(order, gate.callerOf(request));
      return reply.status(201).send({
        spiffe_id: svid.spiffeId,
        pem: svid.chain.map((der) => encodePem('CERTIFICATE', der)).join(''),
        bundle: (await workloads.roots()).map((der) => encodePem('CERTIFICATE', der)).join(''),
        not_after: svid.notAfter,
        ...{ serial: svid.serial, level: svid.level, evidence: svid.evidence, record_id: svid.record },
      });
    },
  );

  app.post<{ Params: Static<typeof nameParams>; Body: Static<typeof tokenBody> }>(
    '/workloads/:name/tokens',
    {
      ...described({
        tag,
        summary: 'Obtain a JWT-SVID for a workload',
        description:
          'For an attester of the entry, after the same comparison, and for registered audiences only. It is valid for five minutes.',
        scopes: ['workload:attest'],
        params: nameParams,
        body: tokenBody,
        answers: { 201: { description: 'The token', body: tokenAnswer } },
      }),
      ...gate.needs('workload:attest'),
    },
    async (request, reply) => {
      const { audiences, evidence } = request.body;
      const issued = await workloads.issueToken(
        { entry: request.params.name, evidence, audiences },
        gate.callerOf(request),
      );
      return reply.status(201).send({
        ...{
          spiffe_id: issued.spiffeId,
          token: issued.token,
          expires_at: issued.expiresAt,
          record_id: issued.recordId,
        },
      });
    },
  );

  app.get(
    '/workloads/bundle',
    {
      ...described({
        tag,
        summary: 'Read the trust bundle',
        description: 'The SPIFFE bundle of the trust domain: roots of X.509-SVIDs and keys of JWT-SVIDs.',
        answers: { 200: { description: 'A JWK set (SPIFFE Trust Domain and Bundle)', body: bundleAnswer } },
      }),
    },
    async (_, reply) => {
      reply.header('cache-control', 'public, max-age=60');
      return bundleOf(await workloads.roots(), await workloads.tokenKeys());
    },
  );

  app.get<{ Params: Static<typeof nameParams>; Querystring: Static<typeof standingQuery> }>(
    '/workloads/:name/standing',
    {
      ...described({
        tag,
        summary: 'Check whether a workload may still have certificates',
        description:
          'For an attester of the entry. It stops serving the workload when the answer is `ended`, and attests it again when the answer is ' +
          '`renew`: its certificate no longer authenticates a client.',
        scopes: ['workload:attest'],
        params: nameParams,
        querystring: standingQuery,
        answers: { 200: { description: 'The current standing', body: standingAnswer } },
      }),
      ...gate.needs('workload:attest'),
    },
    async (request) => {
      const { is, ...why } = await workloads.standing(
        request.params.name,
        gate.callerOf(request),
        request.query.attestation,
      );
      return { standing: is, ...why };
    },
  );
}

/** SPIFFE Trust Domain and Bundle, section 4. */
function bundleOf(roots: readonly Uint8Array[], keys: readonly PublicKey[]): Static<typeof bundleAnswer> {
  return {
    keys: [
      ...roots.map((der) => ({
        ...createPublicKey({
          key: Buffer.from(readX509Certificate(der).publicKey),
          format: 'der',
          type: 'spki',
        }).export({
          format: 'jwk',
        }),
        use: 'x509-svid',
        x5c: [Buffer.from(der).toString('base64')],
      })),
      ...keys.map(({ kid, jwk }) => ({ ...jwk, kid, use: 'jwt-svid' })),
    ],
    spiffe_refresh_hint: 60,
  };
}

function requestIn(pem: string): Uint8Array {
  const der = decodePem(pem, 'CERTIFICATE REQUEST') ?? decodePem(pem, 'NEW CERTIFICATE REQUEST');
  if (der === undefined)
    throw certificateAuthorityErrors.error('certificate_request_invalid', 'The certificate request is not in PEM.');
  return der;
}

function entryView(entry: WorkloadEntry): Static<typeof entryAnswer> {
  const { name, spiffeId, version, status, recordId } = entry;
  return { ...{ name, version, status }, spiffe_id: spiffeId, terms: documentOf(entry), record_id: recordId };
}

function proposalView(proposal: WorkloadProposal): Static<typeof proposalAnswer> {
  const { id, entry, status, terms, reason, digest, proposedBy, decidedBy, decidedAt } = proposal;
  return {
    ...{ id, entry, status, terms: documentOf(terms), reason, digest },
    proposed_by: { ...proposedBy },
    proposed_at: proposal.proposedAt,
    expires_at: proposal.expiresAt,
    ...defined({ decided_by: decidedBy === undefined ? undefined : { ...decidedBy }, decided_at: decidedAt }),
  };
}
