import { generateKeyPairSync } from 'node:crypto';
import { createTestAuthority } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { type CertificateName, derOf, madeAt, pemOf } from '../testing/certificate-chains.ts';
import { createChainVerifier } from './certificate-chain.ts';
import { readCertificateDetails } from './certificate-details.ts';

const hour = 3_600_000;
const day = 24 * hour;
const verify = createChainVerifier(pemOf('root'));
const verifies = (own: CertificateName, others: readonly CertificateName[] = [], now = madeAt + hour): boolean =>
  verify(derOf(own), others.map(derOf), now);

describe('a chain forwarded by a proxy', () => {
  it.each([
    ['the authority itself has issued the certificate', 'direct', []],
    ['one intermediate authority issued it', 'belowFirst', ['first']],
    ['it is four certificates long', 'belowSecond', ['second', 'first']],
    ['its certificates come in any order, with strangers among them', 'belowSecond', ['first', 'stranger', 'second']],
    ['a limit on its depth is kept', 'belowShallow', ['shallow']],
    ['the certificate serves any purpose', 'anyPurpose', []],
    ['the key is RSA of 2048 bits', 'rsa', []],
    ['an authority on it is for servers and clients', 'belowForBoth', ['forBoth']],
  ] as const)('verifies if %s', (_, own, others) => {
    expect(verifies(own, others)).toBe(true);
  });

  it.each([
    ['the authority is not one of ours', 'belowImpostor', ['impostor']],
    ['it brings its own authority', 'stranger', ['stranger']],
    ['a certificate between is missing', 'belowSecond', ['first']],
    ['it is five certificates long', 'belowThird', ['third', 'second', 'first']],
    ['it is deeper than an authority on it allows', 'belowTooDeep', ['tooDeep', 'shallow']],
    ['a certificate of a client has issued another', 'belowLeaf', ['direct']],
    ['an authority on it may not sign certificates', 'belowNotSigning', ['notSigning']],
    ['an authority on it is limited to names, which are not compared here', 'belowNamed', ['named']],
    ['the certificate is for servers alone', 'server', []],
    ['an authority on it is for servers alone', 'belowForServers', ['forServers']],
    ['the certificate holds an unknown critical extension', 'unknownCritical', []],
    ['the certificate is signed with SHA-1', 'sha1', []],
    ['the key is RSA of 1024 bits', 'weak', []],
  ] as const)('does not verify if %s', (_, own, others) => {
    expect(verifies(own, others)).toBe(false);
  });

  it.each([
    ['P-256', true, generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['P-521', true, generateKeyPairSync('ec', { namedCurve: 'P-521' })],
    ['P-192', false, generateKeyPairSync('ec', { namedCurve: 'prime192v1' })],
    ['P-224', false, generateKeyPairSync('ec', { namedCurve: 'secp224r1' })],
    ['DSA', false, generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 })],
    ['RSA-PSS of 1,024 bits', false, generateKeyPairSync('rsa-pss', { modulusLength: 1024 })],
    ['RSA with the exponent 3', true, generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 })],
  ] as const)('with a certificate for %s verifies: %s', (_, expected, { privateKey }) => {
    const authority = createTestAuthority({ name: 'Clients' });
    const privateKeyPem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    const { der } = authority.issue({ subject: 'CN=desk', privateKeyPem });
    expect(createChainVerifier(authority.certificatePem)(der, [], madeAt)).toBe(expected);
  });

  it('verifies only while every certificate in it is valid', () => {
    expect(verifies('belowBrief', ['brief'])).toBe(true);
    expect(verifies('belowBrief', ['brief'], madeAt + day + hour)).toBe(false);
    expect(verifies('direct', [], madeAt - 1000)).toBe(false);
    expect(verifies('direct', [], madeAt + 101 * 365 * day)).toBe(false);
  });

  it('does not verify if a byte of the certificate has changed', () => {
    const der = derOf('direct');
    for (let index = 0; index < der.length; index += 7) {
      const changed = Buffer.from(der);
      changed.writeUInt8(changed.readUInt8(index) ^ 0x20, index);
      expect(verify(changed, [], madeAt + hour), `byte ${index}`).toBe(false);
    }
  });

  it('verifies nothing and throws nothing for bytes that are not a certificate', () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('certificate'), Buffer.alloc(8_000, 0x30)]) {
      expect(verify(bytes, [], madeAt + hour)).toBe(false);
      expect(verify(derOf('belowFirst'), [bytes], madeAt + hour)).toBe(false);
    }
  });

  it('verifies nothing without an authority, and refuses authorities that are not certificates', () => {
    expect(createChainVerifier(undefined)(derOf('direct'), [], madeAt + hour)).toBe(false);
    for (const pem of ['', 'root', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'])
      expect(() => createChainVerifier(pem)).toThrow(expect.objectContaining({ code: 'configuration_invalid' }));
  });
});

describe('the details of a certificate', () => {
  it('cannot be read from a truncated certificate', () => {
    const der = derOf('shallow');
    expect(readCertificateDetails(der)).toEqual({ pathLength: 0, constrained: false, signedStrongly: true });
    for (let length = 0; length < der.length; length++)
      expect(() => readCertificateDetails(der.subarray(0, length))).toThrow(
        expect.objectContaining({ code: 'certificate_malformed' }),
      );
  });
});
