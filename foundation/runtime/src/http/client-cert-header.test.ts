import { isCodedError } from '@countersign/kernel';
import { createSelfSigned } from '@countersign/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readForwardedCertificate } from './client-cert-header.ts';

/** RFC 9440 appendix A. */
const rfc9440Certificate = Buffer.from(
  `MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBB
dXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAx
MTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p
5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIw
ADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMC
BsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1w
bGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMje
SkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=`,
  'base64',
);

const { certificatePem } = createSelfSigned({ subject: 'CN=client' });

describe('the Client-Cert header', () => {
  const read = (value: string) => readForwardedCertificate([value], []);
  const encoded = rfc9440Certificate.toString('base64');

  it('of RFC 9440 appendix A is read as the certificate given there', () => {
    expect(Buffer.from(read(`:${encoded}:`)?.der ?? [])).toEqual(rfc9440Certificate);
  });

  it.each([
    ['nothing', ''],
    ['an empty byte sequence', '::'],
    ['base64 without colons', encoded],
    ['one colon', `:${encoded}`],
    ['a parameter', `:${encoded}:;a=1`],
    ['two certificates, as two headers become when they are joined', `:${encoded}:, :${encoded}:`],
    ['a line break', `:${encoded.slice(0, 64)}\n${encoded.slice(64)}:`],
    ['base64url', `:${rfc9440Certificate.toString('base64url')}:`],
    ['missing padding', `:${encoded.replaceAll('=', '')}:`],
    ['PEM', certificatePem],
    ['percent-encoded PEM, as some proxies send it', encodeURIComponent(certificatePem)],
    ['more than the limit', `:${'A'.repeat(40_000)}:`],
  ])('is refused when it holds %s', (_, value) => {
    expect(() => read(value)).toThrow(expect.objectContaining({ code: 'client_certificate_header_malformed' }));
  });

  it('never fails with anything but a coded error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 64 }), (value) => {
        try {
          read(`:${value}:`);
        } catch (error) {
          if (!isCodedError(error)) throw error;
        }
      }),
    );
  });
});
