import { X509Certificate } from 'node:crypto';
import { isCodedError } from '@countersign/kernel';
import { createSelfSigned, createTestAuthority } from '@countersign/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Certificate,
  certificateThumbprint,
  createCertificateReader,
  isInDate,
  maxCertificateLength,
  readCertificate,
} from './certificate.ts';
import { rfc8705Certificate, rfc9440Certificate } from './testing/certificates.ts';

const authority = createTestAuthority({ name: 'Test Authority' });
const { der } = authority.issue({
  subject: 'CN=desk,O=Example',
  sans: { dns: ['desk.example'], email: ['desk@example.org'], uri: ['urn:desk'], ip: ['192.0.2.1', '2001:db8::1'] },
});

describe('a certificate', () => {
  it('of RFC 8705 appendix A has the published thumbprint and dates', () => {
    const read = readCertificate(rfc8705Certificate.der);
    expect(read.thumbprint).toBe(rfc8705Certificate.thumbprint);
    expect(read.notBefore).toBe(Date.parse('2018-10-18T12:37:09Z'));
    expect(read.notAfter).toBe(Date.parse('2022-05-02T12:37:09Z'));
  });

  it.each(['ES256', 'EdDSA', 'PS256'] as const)(
    'for a key of %s is read with its names, dates and key',
    (keyAlgorithm) => {
      const issued = authority.issue({
        subject: 'CN=desk',
        keyAlgorithm,
        notBefore: new Date('2026-01-01T00:00:00Z'),
        notAfter: new Date('2050-06-30T12:00:00Z'),
      });
      const read = readCertificate(issued.der);
      expect(read.thumbprint).toBe(issued.thumbprint);
      expect([read.notBefore, read.notAfter]).toEqual([
        Date.parse('2026-01-01T00:00:00Z'),
        Date.parse('2050-06-30T12:00:00Z'),
      ]);
      expect(read.keyThumbprint).toMatch(/^[A-Za-z0-9_-]{43}$/);
    },
  );

  it('is read with the names that OpenSSL sees', () => {
    expect(readCertificate(der).names).toMatchObject({
      dns: ['desk.example'],
      emails: ['desk@example.org'],
      uris: ['urn:desk'],
      addresses: ['c0000201', '20010db8000000000000000000000001'],
    });
    expect(readCertificate(rfc9440Certificate).names).toMatchObject({ emails: ['bdc@example.com'], dns: [] });
    expect(new X509Certificate(rfc9440Certificate).subjectAltName).toBe('email:bdc@example.com');
  });

  it('renewed for the same key has another thumbprint and the same key', () => {
    const first = authority.issue({ subject: 'CN=desk' });
    const renewed = authority.issue({ subject: 'CN=desk', privateKeyPem: first.privateKeyPem });
    expect(readCertificate(renewed.der).thumbprint).not.toBe(readCertificate(first.der).thumbprint);
    expect(readCertificate(renewed.der).keyThumbprint).toBe(readCertificate(first.der).keyThumbprint);
  });

  it('is valid from its first to its last moment, and ten seconds earlier for a slow clock', () => {
    const { der } = createSelfSigned({
      subject: 'CN=me',
      notBefore: new Date('2026-01-01T00:00:00Z'),
      notAfter: new Date('2026-02-01T00:00:00Z'),
    });
    const read = readCertificate(der);
    const at = (time: string) => isInDate(read, Date.parse(time));
    expect(['2025-12-31T23:59:50Z', '2026-02-01T00:00:00Z'].map(at)).toEqual([true, true]);
    expect(['2025-12-31T23:59:49Z', '2026-02-01T00:00:01Z'].map(at)).toEqual([false, false]);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a certificate in PEM', Buffer.from(authority.certificatePem)],
    ['a certificate with a byte behind it', Buffer.concat([der, Buffer.from([0])])],
    ['two certificates', Buffer.concat([der, der])],
    ['half a certificate', der.subarray(0, der.length / 2)],
    ['a key', new X509Certificate(der).publicKey.export({ type: 'spki', format: 'der' })],
    ['more than the limit', Buffer.concat([der, Buffer.alloc(maxCertificateLength)])],
  ])('is not %s', (_, bytes) => {
    expect(() => readCertificate(bytes)).toThrow(expect.objectContaining({ code: 'certificate_malformed' }));
  });

  it('that is BER and not DER is refused, although OpenSSL accepts it', () => {
    const { der } = createSelfSigned({ subject: 'CN=me' });
    const critical = der.indexOf(Buffer.from('0101ff', 'hex'));
    expect(critical).toBeGreaterThan(0);
    const ber = Buffer.from(der);
    // X.690 section 11.1: in DER, TRUE is FF.
    ber[critical + 2] = 1;
    expect(new X509Certificate(ber).subject).toBe('CN=me');
    expect(() => readCertificate(ber)).toThrow(expect.objectContaining({ code: 'certificate_malformed' }));
  });

  it('damaged anywhere is refused with a code, or is another certificate', () => {
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, difference) => {
        const damaged = Buffer.from(der);
        damaged[at] = (damaged[at] ?? 0) ^ difference;
        const read = attempt(() => readCertificate(damaged));
        if (read !== undefined) expect(read.thumbprint).not.toBe(certificateThumbprint(der));
      }),
      { numRuns: 500 },
    );
  });

  it('of arbitrary bytes never fails with anything but a coded error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(attempt(() => readCertificate(bytes))).toBeUndefined();
      }),
    );
  });

  it('stays cached while in use, through a flood of others', () => {
    const read = createCertificateReader({ maxCertificates: 2 });
    const used = read(der);
    const idle = createSelfSigned({ subject: 'CN=idle' }).der;
    const first = read(idle);
    for (let index = 0; index < 6; index++) {
      read(createSelfSigned({ subject: `CN=${index}` }).der);
      expect(read(der)).toBe(used);
    }
    expect(read(idle)).not.toBe(first);
  });
});

/** The result of `read`, or undefined if it throws a coded error. Any other error fails the test. */
function attempt<Result extends Certificate | Uint8Array>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return undefined;
  }
}
