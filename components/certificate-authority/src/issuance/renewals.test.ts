import { sign } from 'node:crypto';
import { type CertificateProfileName, parsePrincipalId, type ReleasedCertificate } from '@countersign/contracts';
import { digestOf, membersOf, newId, systemClock, systemRandom } from '@countersign/kernel';
import { codeOf } from '@countersign/testkit';
import {
  assembleCertificate,
  buildCertificationRequest,
  encodeDirectoryName,
  encodePem,
  readX509Certificate,
} from '@countersign/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningCertificateAuthority } from '../certificate-authority.ts';
import {
  type AuthorityWorld,
  createAuthorityWorld,
  type Key,
  newKey,
  olga,
  requestOf,
} from '../testing/authority-world.ts';
import { createOpenssl } from '../testing/openssl.ts';

let world: AuthorityWorld;
let ca: RunningCertificateAuthority;
const tool = createOpenssl();

beforeAll(async () => {
  world = await createAuthorityWorld();
  ca = world.node();
  await world.establish(ca, 'workload', 'device', 'partner');
});
afterAll(async () => {
  tool.close();
  await world.close();
});

/** A request with the names of a certificate, by OpenSSL, for another key. */
function requestLike({ certificate }: ReleasedCertificate, key: Key = newKey()): Uint8Array {
  const pem = tool.write('old.pem', encodePem('CERTIFICATE', certificate));
  const keyFile = tool.write('new.key', key.privateKey.export({ format: 'pem', type: 'pkcs8' }));
  const csr = tool.path('renewal.der');
  const text = tool.run('x509', '-in', pem, '-x509toreq', '-signkey', keyFile, '-copy_extensions', 'copyall');
  tool.run('req', '-in', tool.write('renewal.pem', text), '-outform', 'DER', '-out', csr);
  return tool.read('renewal.der');
}

const renew = (old: ReleasedCertificate, request = requestLike(old), profile: CertificateProfileName = old.profile) =>
  ca.renew({ profile, request, presented: old.certificate });

describe('a renewal by the certificate', () => {
  it('has the same holder and names, names its predecessor, and is asked for by the holder', async () => {
    const old = await world.issue(ca, 'risk-service', 'service:risk');
    const renewed = await renew(old);
    expect(renewed).toMatchObject({ holder: 'service:risk', predecessor: old.serial, status: 'valid' });
    expect(renewed.key).not.toBe(old.key);
    const [before, after] = [old, renewed].map(({ certificate }) => readX509Certificate(certificate));
    expect(after?.subject).toEqual(before?.subject);
    expect(world.issuedToOthers().at(-1)).toMatchObject({ subject: { id: 'service:risk' } });
    expect(world.asked.at(-1)).toMatchObject({ principal: 'service:risk', context: { actors: ['service:risk'] } });
  });

  it('of a device is asked for on the authority of the person who enrolled it, also the second time', async () => {
    const first = await world.issue(ca, 'device', 'device:ws-1');
    const second = await renew(first);
    await renew(second);
    const issued = world.issuedToOthers().filter(({ data }) => membersOf(data)?.['profile'] === 'device');
    expect(issued).toHaveLength(3);
    for (const { subject, actors } of issued.slice(1))
      expect([subject?.id, actors]).toEqual(['person:olga.operator', [{ id: 'device:ws-1' }]]);
    expect(world.asked.at(-1)).toMatchObject({ principal: 'person:olga.operator' });
    world.denying.set('person:olga.operator', { code: 'left', detail: 'gone' });
    expect(await codeOf(renew(second))).toBe('certificate_not_permitted');
    world.denying.clear();
  });

  it.each<readonly [string, (old: ReleasedCertificate) => Promise<unknown>, string]>([
    [
      'of a revoked certificate',
      async (old) => {
        await ca.revoke(old.serial, 'superseded', { id: 'person:olga.operator', through: [] });
        return renew(old);
      },
      'certificate_over',
    ],
    [
      'at the address of another profile',
      (old) => renew(old, undefined, 'risk-service'),
      'certificate_request_refused',
    ],
    ['with another subject', async (old) => renew(old, await otherSubject(newKey())), 'certificate_request_refused'],
    [
      'with a key that was certified for somebody else',
      async (old) => {
        const key = newKey();
        await world.issue(ca, 'risk-service', 'service:risk', key);
        return renew(old, requestLike(old, key));
      },
      'certificate_key_refused',
    ],
  ])('is refused and recorded %s', async (_, attempt, code) => {
    const old = await world.issue(ca, 'partner-client', 'service:partner');
    const denied = world.records('certificate.denied').length;
    expect(await codeOf(attempt(old))).toBe(code);
    expect(world.records('certificate.denied').slice(denied)).toMatchObject([
      { reason: code, subject: { id: 'service:partner' } },
    ]);
  });

  it('of a certificate that rests on an attestation is refused and recorded: the key alone proves no software', async () => {
    const holder = parsePrincipalId('service:risk');
    if (holder === undefined) throw new Error('service:risk is no principal');
    const old = await ca.issue(
      {
        ...{ holder, profile: 'risk-service', request: await requestOf(newKey()) },
        workload: {
          ...{ entry: 'risk', level: 'kernel-observed', environment: 'test', image: 'ab'.repeat(32), dnsNames: [] },
          evidence: digestOf('facts'),
          record: newId('record', { clock: systemClock, random: systemRandom }),
        },
      },
      olga,
    );
    expect(await codeOf(renew(old))).toBe('certificate_request_refused');
    expect(world.records('certificate.denied').at(-1)).toMatchObject({
      reason: 'certificate_request_refused',
      subject: { id: 'service:risk' },
    });
  });

  it('of an expired certificate is refused and recorded', async () => {
    const old = await world.issue(ca, 'risk-service', 'service:risk');
    world.clock.advance(3_700_000);
    expect(await codeOf(renew(old))).toBe('certificate_over');
    expect(world.records('certificate.denied').at(-1)).toMatchObject({ reason: 'certificate_over' });
  });

  it('needs the certificate that was recorded, octet by octet, with the signature of its authority', async () => {
    const old = await world.issue(ca, 'risk-service', 'service:risk');
    const request = requestLike(old);
    const { toBeSigned } = readX509Certificate(old.certificate);
    const forger = newKey();
    const signed = (octets: Uint8Array) =>
      assembleCertificate(octets, {
        algorithm: 'ES256',
        signature: sign('sha256', octets, { key: forger.privateKey, dsaEncoding: 'ieee-p1363' }),
      });
    const altered = Uint8Array.from(toBeSigned);
    const last = altered.length - 1;
    altered[last] = (altered[last] ?? 0) ^ 1;
    const [authority] = old.chain;
    for (const presented of [
      signed(toBeSigned),
      signed(altered),
      authority ?? new Uint8Array(),
      world.root.der,
      Uint8Array.of(1),
    ])
      expect(await codeOf(ca.renew({ profile: 'risk-service', request, presented }))).toBe('certificate_unknown');
  });
});

function otherSubject({ privateKey, publicKey }: Key): Promise<Uint8Array> {
  return buildCertificationRequest({
    subject: encodeDirectoryName([['commonName', 'another']]),
    publicKey,
    algorithm: 'ES256',
    sign: async (octets) => sign('sha256', octets, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
  });
}
