import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { asCaller, createOpenGuard } from '@countersign/testkit';
import { encodePem } from '@countersign/x509';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningCertificateAuthority } from '../certificate-authority.ts';
import { certificateAuthorityRoutes } from '../index.ts';
import {
  type AuthorityWorld,
  ari,
  createAuthorityWorld,
  firm,
  issuer,
  newKey,
  olga,
  operator,
  requestOf,
} from '../testing/authority-world.ts';

let world: AuthorityWorld;
let ca: RunningCertificateAuthority;
let app: FastifyInstance;

beforeAll(async () => {
  world = await createAuthorityWorld();
  ca = world.node();
  await world.establish(ca, 'workload', 'partner');
  app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
  certificateAuthorityRoutes(app, {
    certificateAuthority: ca,
    guard: createOpenGuard(),
    ...{ baseUrl: issuer, issuer, operator },
    placeOf: async (record) => (await world.log.find(record))?.index,
  });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await world.close();
});

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, never>> & { readonly code?: string };
}

async function call(
  [method, url]: readonly ['GET' | 'POST', string],
  scope: string,
  {
    by = olga,
    body,
  }: { readonly by?: { readonly id: string; readonly institution?: string }; readonly body?: object } = {},
): Promise<Answer> {
  const answer = await app.inject({
    ...{ method, url },
    headers: asCaller({ institution: operator, ...by }, [scope]),
    ...(body === undefined ? {} : { payload: body }),
  });
  return { status: answer.statusCode, body: answer.json() };
}
const order = async (profile: string, holder: string) => ({
  ...{ profile, holder },
  request: encodePem('CERTIFICATE REQUEST', await requestOf(newKey())),
});

describe('certificates over HTTP', () => {
  it('are issued with their chain and the address of the inclusion proof, read, listed and revoked', async () => {
    const issued = await call(['POST', '/certificates'], 'certificate:issue', {
      body: await order('partner-client', 'service:partner'),
    });
    expect(issued).toMatchObject({
      status: 201,
      body: {
        certificate: { status: 'valid', profile: 'partner-client', holder: 'service:partner', institution: firm },
      },
    });
    const {
      pem,
      inclusion_proof: proof,
      certificate,
    } = issued.body as unknown as {
      readonly pem: string;
      readonly inclusion_proof: string;
      readonly certificate: { readonly serial: string; readonly record_id: string };
    };
    expect(pem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(proof).toMatch(/^http:\/\/localhost:7420\/log\/proof\/inclusion\/\d+$/);
    const path = `/certificates/${certificate.serial}`;
    expect(await call(['GET', path], 'certificate:read')).toMatchObject({ status: 200, body: { pem } });
    expect(await call(['GET', '/certificates?holder=service:partner'], 'certificate:read')).toMatchObject({
      body: { certificates: [{ serial: certificate.serial }] },
    });
    expect(
      await call(['POST', `${path}/revoke`], 'certificate:revoke', { body: { reason: 'superseded' } }),
    ).toMatchObject({ status: 200, body: { status: 'revoked', revocation_reason: 'superseded' } });
    expect(await call(['GET', '/certificates?status=valid&holder=service:partner'], 'certificate:read')).toMatchObject({
      body: { certificates: [] },
    });
  });

  it('are visible to the holder’s institution and to the operator only', async () => {
    const own = { id: 'service:partner', institution: firm };
    const issued = await call(['POST', '/certificates'], 'certificate:issue', {
      by: own,
      body: await order('partner-client', 'service:partner'),
    });
    expect(issued.status).toBe(201);
    const { serial } = (issued.body as unknown as { certificate: { serial: string } }).certificate;
    const strange = { id: 'service:elsewhere', institution: '5299009QN2DUPIT3WO68' };
    for (const [request, scope] of [
      [['GET', `/certificates/${serial}`], 'certificate:read'],
      [['POST', `/certificates/${serial}/revoke`], 'certificate:revoke'],
    ] as const)
      expect(
        await call(request, scope, {
          by: strange,
          ...(request[0] === 'POST' ? { body: { reason: 'superseded' } } : {}),
        }),
      ).toMatchObject({ status: 404, body: { code: 'certificate_unknown' } });
    expect(await call(['GET', `/certificates/${serial}`], 'certificate:read', { by: own })).toMatchObject({
      status: 200,
    });
    expect(await call(['GET', '/certificates'], 'certificate:read', { by: strange })).toMatchObject({
      body: { certificates: [] },
    });
  });

  it.each([
    ['no PEM', { request: 'hello' }, 400, 'certificate_request_invalid'],
    [
      'two PEM blocks',
      { request: encodePem('CERTIFICATE REQUEST', new Uint8Array(3)).repeat(2) },
      400,
      'certificate_request_invalid',
    ],
    [
      'a certificate instead of a request',
      { request: encodePem('CERTIFICATE', new Uint8Array(3)) },
      400,
      'certificate_request_invalid',
    ],
    ['a holder that is no principal', { holder: 'anybody' }, 400, 'certificate_request_invalid'],
    ['a profile that nobody has', { profile: 'root' }, 400, 'request_invalid'],
    ['a member that nobody knows', { more: 1 }, 400, 'request_invalid'],
  ])('are refused for %s', async (_, changes, status, code) => {
    const body = { ...(await order('risk-service', 'service:risk')), ...changes };
    expect(await call(['POST', '/certificates'], 'certificate:issue', { body })).toMatchObject({
      status,
      body: { code },
    });
  });

  it('need the scope of each operation', async () => {
    for (const [request, scope] of [
      [['POST', '/certificates'], 'certificate:read'],
      [['GET', '/certificates'], 'certificate:issue'],
      [['POST', '/certificates/authorities/person/request'], 'certificate:read'],
      [['POST', '/certificates/proposals/rec_x/approve'], 'authority:propose'],
    ] as const)
      expect((await call(request, scope)).body.code).toBe('insufficient_scope');
  });
});

describe('authorities and profiles over HTTP', () => {
  it('need a request, a ceremony, a proposal, and approval by another person', async () => {
    const requested = await call(['POST', '/certificates/authorities/person/request'], 'authority:propose');
    expect(requested).toMatchObject({
      status: 200,
      body: { class: 'person', uri_hosts: ['localhost'], dns_names: [] },
    });
    const { certificate } = await world.root.grant(await ca.requestAuthority('person'));
    const proposed = await call(['POST', '/certificates/authorities/person/proposals'], 'authority:propose', {
      body: {
        certificate: encodePem('CERTIFICATE', certificate),
        root: encodePem('CERTIFICATE', world.root.der),
        transcript: 'what was done',
        reason: 'the first authority for people',
      },
    });
    expect(proposed).toMatchObject({ status: 201, body: { kind: 'authority', about: 'person', status: 'proposed' } });
    const { id, digest } = proposed.body as unknown as { readonly id: string; readonly digest: string };
    const approve = (by: { readonly id: string }) =>
      call(['POST', `/certificates/proposals/${id}/approve`], 'authority:approve', { by, body: { digest } });
    expect(await approve(olga)).toMatchObject({ status: 403, body: { code: 'authority_own_proposal' } });
    expect(await approve(ari)).toMatchObject({ status: 200, body: { status: 'approved' } });
    expect(await call(['GET', '/certificates/authorities'], 'certificate:read')).toMatchObject({
      body: { authorities: expect.arrayContaining([expect.objectContaining({ class: 'person', state: 'active' })]) },
    });
    expect(await call(['GET', '/certificates/proposals?status=approved'], 'certificate:read')).toMatchObject({
      body: { proposals: expect.arrayContaining([expect.objectContaining({ id })]) },
    });
  });

  it('show the profiles and change their terms by proposal; a proposal can be rejected', async () => {
    expect(await call(['GET', '/certificates/profiles'], 'certificate:read')).toMatchObject({
      body: { profiles: expect.arrayContaining([expect.objectContaining({ name: 'trading-agent', version: 0 })]) },
    });
    const body = { enabled: true, lifetime_seconds: 1_800, dns_names: [], reason: 'shorter' };
    const proposed = await call(['POST', '/certificates/profiles/trading-agent/proposals'], 'authority:propose', {
      body,
    });
    expect(proposed.status).toBe(201);
    const { id } = proposed.body as unknown as { readonly id: string };
    expect(
      await call(['POST', `/certificates/proposals/${id}/reject`], 'authority:approve', {
        by: ari,
        body: { reason: 'too short' },
      }),
    ).toMatchObject({ status: 200, body: { status: 'rejected' } });
    expect(await call(['POST', '/certificates/profiles/root/proposals'], 'authority:propose', { body })).toMatchObject({
      status: 404,
      body: { code: 'profile_unknown' },
    });
  });

  it('are open to the operator only', async () => {
    const by = { id: 'person:pia.partner', institution: firm };
    for (const [request, scope, body] of [
      [['POST', '/certificates/authorities/person/request'], 'authority:propose', undefined],
      [['GET', '/certificates/proposals'], 'certificate:read', undefined],
      [['POST', '/certificates/proposals/rec_x/approve'], 'authority:approve', { digest: 'x'.repeat(43) }],
    ] as const)
      expect(await call(request, scope, { by, ...(body === undefined ? {} : { body }) })).toMatchObject({
        status: 403,
        body: { code: 'certificate_request_refused' },
      });
  });
});
