import {
  certificateAuthorityErrors,
  type IssuedCertificate,
  parsePrincipalId,
  type ReleasedCertificate,
  type ResourceGuard,
  requesterOf,
} from '@countersign/contracts';
import { defined, sha256Base64Url } from '@countersign/kernel';
import { createGate, described } from '@countersign/runtime';
import { encodePem } from '@countersign/x509';
import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import { enrolmentRoutes } from '../acme/http/enrolment-routes.ts';
import type { RunningCertificateAuthority } from '../certificate-authority.ts';
import { parsed } from '../forms.ts';
import { unknownCertificate } from '../issuance/certificate-commands.ts';
import type { Asking } from '../issuance/judge-order.ts';
import {
  approveBody,
  authorityList,
  authorityRequestAnswer,
  ceremonyBody,
  certificateAnswer,
  certificateList,
  classParams,
  idParams,
  issueBody,
  listQuery,
  nameParams,
  profileList,
  proposalAnswer,
  proposalList,
  proposalsQuery,
  rejectBody,
  releasedAnswer,
  revokeBody,
  serialParams,
  termsBody,
} from './schemas.ts';
import { authorityView, certificateView, derOf, profileView, proposalView, requestView } from './views.ts';

const tag = 'certificates';

export interface CertificateAuthorityRoutes {
  readonly certificateAuthority: RunningCertificateAuthority;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
  /** LEI of the operator, who sees and revokes certificates of every institution. */
  readonly operator: string;
  /** The index of a record in the log. */
  readonly placeOf: (record: IssuedCertificate['recordId']) => Promise<bigint | undefined>;
  /** The public URL of the installation. */
  readonly issuer: string;
}

/** The interface of the certificate authority under `/certificates`: certificates, profiles, authorities, proposals. */
export function certificateAuthorityRoutes(app: FastifyInstance, dependencies: CertificateAuthorityRoutes): void {
  const { certificateAuthority: ca, guard, baseUrl, operator, placeOf, issuer } = dependencies;
  const gate = createGate(async (request, scope: string) => {
    const caller = await guard.check(request, { scope });
    return { ...requesterOf(caller), client: caller.client } satisfies Asking;
  }, baseUrl);
  const operatorGate = createGate(async (request, scope: string) => {
    const caller = await guard.check(request, { scope });
    if (caller.institution !== operator)
      throw certificateAuthorityErrors.error(
        'certificate_request_refused',
        'Certificate authorities and profiles are governed by the operator of this installation.',
      );
    return { ...requesterOf(caller), client: caller.client } satisfies Asking;
  }, baseUrl);

  const mayAskAbout = ({ institution }: IssuedCertificate, by: Asking): boolean =>
    by.institution === operator || by.institution === institution;

  async function released(certificate: ReleasedCertificate): Promise<Static<typeof releasedAnswer>> {
    const place = await placeOf(certificate.recordId);
    return {
      certificate: certificateView(certificate),
      pem: [certificate.certificate, ...certificate.chain].map((der) => encodePem('CERTIFICATE', der)).join(''),
      inclusion_proof: `${issuer}/log/proof/inclusion/${place ?? 0n}`,
    };
  }

  async function ownCertificate(serial: string, by: Asking): Promise<ReleasedCertificate> {
    const found = await ca.find(serial);
    if (found === undefined || !mayAskAbout(found, by)) throw unknownCertificate();
    return found;
  }

  enrolmentRoutes(app, { enrolments: ca.enrolments, gate, operator });

  app.post<{ Body: Static<typeof issueBody> }>(
    '/certificates',
    {
      ...described({
        tag,
        summary: 'Obtain a certificate',
        description:
          'The policies decide, and the record of the issuance is in the log before the authority signs. With `replaces`, the ' +
          'certificate renews a certificate of the same holder and profile, which stays valid until it expires.',
        scopes: ['certificate:issue'],
        body: issueBody,
        answers: { 201: { description: 'The certificate', body: releasedAnswer } },
      }),
      ...gate.needs('certificate:issue'),
    },
    async (request, reply) => {
      const { profile, holder: named, request: pem, lifetime_seconds: lifetimeSeconds, replaces } = request.body;
      const holder = parsePrincipalId(named);
      if (holder === undefined)
        throw certificateAuthorityErrors.error('certificate_request_invalid', 'The holder must be a principal id.');
      const order = {
        ...{ profile, holder },
        request: derOf(pem, 'CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'),
        ...defined({ lifetimeSeconds, predecessor: replaces }),
      };
      return reply.status(201).send(await released(await ca.issue(order, gate.callerOf(request))));
    },
  );

  app.get<{ Querystring: Static<typeof listQuery> }>(
    '/certificates',
    {
      ...described({
        tag,
        summary: 'List certificates',
        description: 'The newest hundred of your institution; of all institutions for the operator.',
        scopes: ['certificate:read'],
        querystring: listQuery,
        answers: { 200: { description: 'Newest first', body: certificateList } },
      }),
      ...gate.needs('certificate:read'),
    },
    async (request) => {
      const { institution } = gate.callerOf(request);
      const filter = { ...request.query, ...(institution === operator ? {} : defined({ institution })) };
      return { certificates: (await ca.list(filter)).map(certificateView) };
    },
  );

  app.get<{ Params: Static<typeof serialParams> }>(
    '/certificates/:serial',
    {
      ...described({
        tag,
        summary: 'Read a certificate',
        scopes: ['certificate:read'],
        params: serialParams,
        answers: { 200: { description: 'The certificate and its state', body: releasedAnswer } },
      }),
      ...gate.needs('certificate:read'),
    },
    async (request) => released(await ownCertificate(request.params.serial, gate.callerOf(request))),
  );

  app.post<{ Params: Static<typeof serialParams>; Body: Static<typeof revokeBody> }>(
    '/certificates/:serial/revoke',
    {
      ...described({
        tag,
        summary: 'Revoke a certificate',
        description: 'OCSP answers `revoked` at once; a new revocation list is signed within ten seconds.',
        scopes: ['certificate:revoke'],
        params: serialParams,
        body: revokeBody,
        answers: { 200: { description: 'The revoked certificate', body: certificateAnswer } },
      }),
      ...gate.needs('certificate:revoke'),
    },
    async (request) => {
      const by = gate.callerOf(request);
      const { serial } = await ownCertificate(request.params.serial, by);
      return certificateView(await ca.revoke(serial, request.body.reason, by));
    },
  );

  app.get(
    '/certificates/profiles',
    {
      ...described({
        tag,
        summary: 'List certificate profiles',
        scopes: ['certificate:read'],
        answers: { 200: { description: 'Every profile with the terms in force', body: profileList } },
      }),
      ...gate.needs('certificate:read'),
    },
    async () => ({ profiles: (await ca.profiles()).map(profileView) }),
  );

  app.post<{ Params: Static<typeof nameParams>; Body: Static<typeof termsBody> }>(
    '/certificates/profiles/:name/proposals',
    {
      ...described({
        tag,
        summary: 'Propose new terms for a profile',
        description: 'Takes effect when a second person approves it, within seven days.',
        scopes: ['authority:propose'],
        params: nameParams,
        body: termsBody,
        answers: { 201: { description: 'The proposal', body: proposalAnswer } },
      }),
      ...operatorGate.needs('authority:propose'),
    },
    async (request, reply) => {
      const { enabled, lifetime_seconds: lifetimeSeconds, dns_names: dnsNames, reason } = request.body;
      const by = operatorGate.callerOf(request);
      const proposal = await ca.proposeTerms(request.params.name, { enabled, lifetimeSeconds, dnsNames }, reason, by);
      return reply.status(201).send(proposalView(proposal));
    },
  );

  app.get(
    '/certificates/authorities',
    {
      ...described({
        tag,
        summary: 'List issuing authorities',
        scopes: ['certificate:read'],
        answers: { 200: { description: 'Accepted authorities that have not expired', body: authorityList } },
      }),
      ...gate.needs('certificate:read'),
    },
    async () => ({ authorities: (await ca.authorities()).map(authorityView) }),
  );

  app.post<{ Params: Static<typeof classParams> }>(
    '/certificates/authorities/:class/request',
    {
      ...described({
        tag,
        summary: 'Request an issuing authority',
        description:
          'A certificate request for the current key of the class, and the constraints that the key ceremony must grant. Rotate the ' +
          'key first (`POST /keys/certificate-.../rotate`) to replace an authority.',
        scopes: ['authority:propose'],
        params: classParams,
        answers: { 200: { description: 'What the ceremony signs', body: authorityRequestAnswer } },
      }),
      ...operatorGate.needs('authority:propose'),
    },
    async (request) => requestView(await ca.requestAuthority(request.params.class)),
  );

  app.post<{ Params: Static<typeof classParams>; Body: Static<typeof ceremonyBody> }>(
    '/certificates/authorities/:class/proposals',
    {
      ...described({
        tag,
        summary: 'Propose the certificates of a key ceremony',
        description:
          'The chain is checked against the key and the constraints of the request. After approval by a second person it is ' +
          'published, and it signs from `usable_from` on.',
        scopes: ['authority:propose'],
        params: classParams,
        body: ceremonyBody,
        answers: { 201: { description: 'The proposal', body: proposalAnswer } },
      }),
      ...operatorGate.needs('authority:propose'),
    },
    async (request, reply) => {
      const { certificate: pem, root, transcript, reason } = request.body;
      const certificate = derOf(pem, 'CERTIFICATE');
      const ceremony = {
        id: keyIdOf(certificate),
        certificate,
        root: derOf(root, 'CERTIFICATE'),
        transcript: sha256Base64Url(new TextEncoder().encode(transcript)),
      };
      const by = operatorGate.callerOf(request);
      const proposal = await ca.proposeAuthority(request.params.class, ceremony, reason, by);
      return reply.status(201).send(proposalView(proposal));
    },
  );

  app.get<{ Querystring: Static<typeof proposalsQuery> }>(
    '/certificates/proposals',
    {
      ...described({
        tag,
        summary: 'List proposals about profiles and authorities',
        scopes: ['certificate:read'],
        querystring: proposalsQuery,
        answers: { 200: { description: 'The newest hundred, newest first', body: proposalList } },
      }),
      ...operatorGate.needs('certificate:read'),
    },
    async (request) => ({ proposals: (await ca.proposals(request.query.status)).map(proposalView) }),
  );

  app.post<{ Params: Static<typeof idParams>; Body: Static<typeof approveBody> }>(
    '/certificates/proposals/:id/approve',
    {
      ...described({
        tag,
        summary: 'Approve a proposal about a profile or an authority',
        description: 'The approver must not be the proposer, and names the digest of the proposal that they have read.',
        scopes: ['authority:approve'],
        params: idParams,
        body: approveBody,
        answers: { 200: { description: 'The proposal, decided', body: proposalAnswer } },
      }),
      ...operatorGate.needs('authority:approve'),
    },
    async (request) => {
      const by = operatorGate.callerOf(request);
      return proposalView(await ca.approve(request.params.id, request.body.digest, by));
    },
  );

  app.post<{ Params: Static<typeof idParams>; Body: Static<typeof rejectBody> }>(
    '/certificates/proposals/:id/reject',
    {
      ...described({
        tag,
        summary: 'Reject a proposal about a profile or an authority',
        scopes: ['authority:approve'],
        params: idParams,
        body: rejectBody,
        answers: { 200: { description: 'The proposal, decided', body: proposalAnswer } },
      }),
      ...operatorGate.needs('authority:approve'),
    },
    async (request) => {
      const by = operatorGate.callerOf(request);
      return proposalView(await ca.reject(request.params.id, request.body.reason, by));
    },
  );
}

/** Key id of the subject of a certificate: RFC 7638. @throws CodedError `authority_certificate_invalid` */
function keyIdOf(certificate: Uint8Array): string {
  return parsed(certificate).keyId;
}
