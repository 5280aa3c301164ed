import { generateKeyPairSync, sign } from 'node:crypto';
import {
  buildCertificationRequest,
  decodePem,
  encodeDirectoryName,
  encodePem,
  encodeStatusRequest,
  readX509Certificate,
} from '@countersign/x509';
import { expect, vi } from 'vitest';
import { createRoot, signAuthority } from '../../../apps/cli/src/commands/pki/ceremony.ts';
import type { AuthorityRequestFile } from '../../../apps/cli/src/commands/pki/ceremony-files.ts';
import type { RunningControlPlane } from './control-plane.ts';
import { scratchFolder } from './scratch-folder.ts';

const get = (path: string) => ({ method: 'GET' as const, path });
const post = (path: string, body: unknown = {}) => ({ method: 'POST' as const, path, body });

/** The first certificate of a chain. */
const derOf = (pem: string): Uint8Array =>
  decodePem(`${pem.split(/(?<=-----END CERTIFICATE-----)/)[0]}`, 'CERTIFICATE') ?? new Uint8Array();

/** An issuing authority from its ceremony to a revoked certificate, with every interface on the way. */
export async function useCertificates({ operator, issuer }: RunningControlPlane, holder: string): Promise<void> {
  const call = <Answer>(scope: string, request: ReturnType<typeof get> | ReturnType<typeof post>): Promise<Answer> =>
    operator.call('certificates', scope, request) as Promise<Answer>;
  const bySecond = (path: string, body: unknown) =>
    operator.second.call('certificates', 'authority:approve', post(path, body));

  // The ceremony, on an offline machine.
  const request = await call<AuthorityRequestFile>(
    'authority:propose',
    post('/certificates/authorities/partner/request'),
  );
  const offline = scratchFolder();
  const of = { folder: offline.path, persons: ['Olga Operator', 'Ari Approver'], now: Date.now() };
  const passphrase = 'correct horse battery staple';
  await createRoot({ ...of, organization: 'Example Bank AG', years: 10, passphrase });
  const { certificate, root, transcript } = await signAuthority({ ...of, request, years: 3, passphrase });
  offline.remove();

  const proposal = { certificate, root, transcript, reason: 'The first authority for partners' };
  const { id, digest } = await call<{ readonly id: string; readonly digest: string }>(
    'authority:propose',
    post('/certificates/authorities/partner/proposals', proposal),
  );
  await call('certificate:read', get('/certificates/proposals?status=proposed'));
  await expect(bySecond(`/certificates/proposals/${id}/approve`, { digest: 'A'.repeat(43) })).rejects.toThrow();
  await bySecond(`/certificates/proposals/${id}/approve`, { digest });
  const { authorities } = await call<{ readonly authorities: readonly { readonly id: string }[] }>(
    'certificate:read',
    get('/certificates/authorities'),
  );
  expect(authorities).toMatchObject([{ class: 'partner', state: 'active', id: request.id }]);

  await call('certificate:read', get('/certificates/profiles'));
  const terms = { enabled: true, lifetime_seconds: 3_600, dns_names: [], reason: 'Shorter' };
  const shorter = await call<{ readonly id: string }>(
    'authority:propose',
    post('/certificates/profiles/partner-client/proposals', terms),
  );
  await bySecond(`/certificates/proposals/${shorter.id}/reject`, { reason: 'Too short' });

  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const csr = await buildCertificationRequest({
    subject: encodeDirectoryName([['commonName', holder]]),
    publicKey: publicKey.export({ format: 'der', type: 'spki' }),
    algorithm: 'ES256',
    sign: async (octets) => sign('sha256', octets, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
  });
  const order = { profile: 'partner-client', holder, request: encodePem('CERTIFICATE REQUEST', csr) };
  await expect(call('certificate:issue', post('/certificates', { ...order, profile: 'device' }))).rejects.toThrow();
  const issued = await call<{ readonly pem: string; readonly certificate: { readonly serial: string } }>(
    'certificate:issue',
    post('/certificates', order),
  );
  const { serial } = issued.certificate;
  const enrolment = { profile: 'partner-client', holder };
  await expect(
    call('certificate:issue', post('/certificates/enrolments', { ...enrolment, profile: 'gateway' })),
  ).rejects.toThrow();
  const { key_id: enrolled } = await call<{ readonly key_id: string }>(
    'certificate:issue',
    post('/certificates/enrolments', enrolment),
  );
  await call('certificate:read', get(`/certificates/enrolments?holder=${holder}`));
  await call('certificate:revoke', post(`/certificates/enrolments/${enrolled}/end`, { reason: 'No longer needed' }));
  await call('certificate:read', get(`/certificates?holder=${holder}&status=valid`));
  await call('certificate:read', get(`/certificates/${serial}`));
  await expect(call('certificate:read', get(`/certificates/${'0'.repeat(32)}`))).rejects.toThrow();

  // What every verifier of the certificate fetches: the addresses in the certificate.
  const leaf = readX509Certificate(derOf(issued.pem));
  const addresses =
    Buffer.from(leaf.encoding)
      .toString('latin1')
      .match(/http:\/\/localhost:\d+\/pki\/[\w./-]+/g) ?? [];
  const list = addresses.find((address) => address.includes('/lists/'))?.match(/^.*\.crl/)?.[0] ?? '';
  const fetched = async (address: string, init: RequestInit = {}) => {
    const answer = await fetch(address, init);
    expect(answer.status, address).toBe(200);
    return Buffer.from(await answer.arrayBuffer());
  };
  await fetched(`${issuer}/pki/authorities`);
  expect(await fetched(`${issuer}/pki/authorities/${request.id}.cer`)).toEqual(derOf(certificate));
  const authority = readX509Certificate(derOf(certificate));
  const status = Buffer.from(encodeStatusRequest(leaf, authority));
  const asked = { method: 'POST', headers: { 'content-type': 'application/ocsp-request' }, body: status };
  await fetched(`${issuer}/pki/ocsp/${encodeURIComponent(status.toString('base64'))}`);
  const before = await fetched(list);
  await call('certificate:revoke', post(`/certificates/${serial}/revoke`, { reason: 'superseded' }));
  expect((await call<{ readonly certificate: object }>('certificate:read', get(`/certificates/${serial}`))).certificate)
    // The list and the responses follow the same record.
    .toMatchObject({ status: 'revoked', revocation_reason: 'superseded' });
  // The previous response may be repeated for ten seconds.
  await vi.waitFor(async () => expect(await fetched(list)).not.toEqual(before), { timeout: 20_000, interval: 1_000 });
  await fetched(`${issuer}/pki/ocsp`, asked);
}
