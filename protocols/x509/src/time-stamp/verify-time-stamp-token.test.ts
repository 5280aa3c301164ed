import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { derObjectIdentifier, derSequence } from '../der/index.ts';
import {
  buildAuthorityCertificate,
  buildTimeStampToken,
  readX509Certificate,
  type TimeStampTrust,
  verifyTimeStampToken,
} from '../index.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import {
  issueCertificate,
  issueToken,
  keyKinds,
  pssParameters,
  type TestCertificateOptions,
  type TestTokenOptions,
  testDigest,
  testTime,
} from '../testing/test-authority.ts';

const authority = issueCertificate({ name: 'The authority' });
const trusted: TimeStampTrust = { certificates: [authority.certificate] };
const day = 24 * 3_600_000;

/** The reason why a token is refused, or `accepted`. */
function resultFor(options: TestTokenOptions, claim: Partial<Parameters<typeof verifyTimeStampToken>[0]> = {}): string {
  const token = issueToken(authority, options);
  const verdict = verifyTimeStampToken({ token, digest: testDigest, trusted, ...claim });
  return verdict.ok ? 'accepted' : verdict.reason;
}

/** The same for a token of another authority whose certificate is trusted. */
function resultForAuthority(options: TestCertificateOptions): string {
  const own = issueCertificate(options);
  const verdict = verifyTimeStampToken({
    token: issueToken(own),
    digest: testDigest,
    trusted: { certificates: [own.certificate] },
  });
  return verdict.ok ? 'accepted' : verdict.reason;
}

describe('a time-stamp token', () => {
  it('is verified with time, accuracy, policy and path', () => {
    const info = { accuracyMicroseconds: 1_500_250, nonce: 77n };
    const token = issueToken(authority, { info });
    const verdict = verifyTimeStampToken({ token, digest: testDigest, trusted, nonce: 77n });
    expect(verdict).toEqual({
      ok: true,
      timeStamp: {
        time: '2026-11-21T09:30:00.125Z',
        milliseconds: testTime,
        accuracyMicroseconds: 1_500_250,
        policy: '1.3.6.1.4.1.99999.1',
        serial: '1267',
        path: [authority.certificate],
      },
    });
  });

  it.each(keyKinds)('is verified with a key of the kind %s', (kind) => {
    expect(resultForAuthority({ kind })).toBe('accepted');
  });

  it('is verified when the signer names its certificate by SHA-1, as RFC 5816 still allows', () => {
    expect(resultFor({ signingCertificate: 'v1' })).toBe('accepted');
  });

  it('is verified with a trusted certificate that is not in the token', () => {
    expect(resultFor({ certificates: [] })).toBe('accepted');
  });

  it('is verified with the pinned key of its authority', () => {
    const key = createHash('sha256').update(readX509Certificate(authority.certificate).publicKey).digest();
    expect(resultFor({}, { trusted: { keys: [key] } })).toBe('accepted');
    expect(resultFor({}, { trusted: { keys: [testDigest] } })).toBe('timestamp_authority_untrusted');
  });

  it('is refused with any bit changed outside the certificates, and if truncated', () => {
    const token = issueToken(authority, { info: { nonce: 5n, accuracyMicroseconds: 1000 } });
    // The list of certificates starts with a tag and a length of three octets.
    const listAt = Buffer.from(token).indexOf(authority.certificate) - 4;
    const listEnd = listAt + 4 + authority.certificate.length;
    const accepted: number[] = [];
    for (let at = 0; at < token.length; at++) {
      const bits = [1, 2, 4, 8, 16, 32, 64, 128].map((mask) => withFlippedBits(token, at, mask));
      for (const changed of [...bits, token.subarray(0, at)])
        if (verifyTimeStampToken({ token: changed, digest: testDigest, trusted, nonce: 5n }).ok) accepted.push(at);
    }
    // The verifier has the certificate itself; a changed copy is only one more untrusted certificate.
    expect(accepted.filter((at) => at < listAt || at >= listEnd)).toEqual([]);
  });

  it('with a changed certificate is refused or gives the same result', () => {
    const token = issueToken(authority);
    const original = verifyTimeStampToken({ token, digest: testDigest, trusted });
    const certificateAt = Buffer.from(token).indexOf(authority.certificate);
    for (let at = certificateAt; at < certificateAt + authority.certificate.length; at++) {
      const again = verifyTimeStampToken({ token: withFlippedBits(token, at, 1), digest: testDigest, trusted });
      if (again.ok) expect(again).toEqual(original);
    }
  });

  it('is refused for another digest', () => {
    expect(resultFor({}, { digest: createHash('sha256').update('another').digest() })).toBe(
      'timestamp_digest_mismatch',
    );
    expect(resultFor({}, { digest: new Uint8Array(0) })).toBe('timestamp_digest_mismatch');
  });

  it('is refused without the nonce of the request', () => {
    expect(resultFor({ info: { nonce: 1n } }, { nonce: 2n })).toBe('timestamp_nonce_mismatch');
    expect(resultFor({}, { nonce: 2n })).toBe('timestamp_nonce_mismatch');
    expect(resultFor({ info: { nonce: -9n } }, { nonce: -9n })).toBe('accepted');
  });

  it('is refused under a policy that is not accepted', () => {
    expect(resultFor({}, { policies: ['1.2.3'] })).toBe('timestamp_policy_unexpected');
    expect(resultFor({}, { policies: ['1.2.3', '1.3.6.1.4.1.99999.1'] })).toBe('accepted');
  });

  it('is refused if the signed attributes do not match the content', () => {
    expect(resultFor({ messageDigest: testDigest })).toBe('timestamp_signature_invalid');
    expect(resultFor({ contentType: oid.data })).toBe('timestamp_signature_invalid');
    expect(resultFor({ attributesTwice: true })).toBe('timestamp_malformed');
  });

  it('is refused with two signatures, or none', () => {
    expect(resultFor({ signatures: 2 })).toBe('timestamp_malformed');
    expect(resultFor({ signatures: 0 })).toBe('timestamp_malformed');
  });

  it('is refused if the signed attributes name no certificate or another one', () => {
    expect(resultFor({ signingCertificate: 'none' })).toBe('timestamp_certificate_mismatch');
    expect(resultFor({ signingCertificate: { of: issueCertificate().certificate } })).toBe(
      'timestamp_certificate_mismatch',
    );
  });

  it('is refused if the certificate of its authority is missing', () => {
    const other = { certificates: [issueCertificate().certificate] };
    expect(resultFor({ certificates: [] }, { trusted: other })).toBe('timestamp_certificate_missing');
  });

  it('is refused without trust anchors, and with others', () => {
    expect(resultFor({}, { trusted: {} })).toBe('timestamp_authority_untrusted');
    const other = { certificates: [issueCertificate({ name: 'The authority' }).certificate] };
    expect(resultFor({}, { trusted: other })).toBe('timestamp_authority_untrusted');
  });

  it('is refused with weak or mismatched algorithms', () => {
    expect(resultFor({ digestAlgorithm: oid.sha1 })).toBe('timestamp_algorithm_unsupported');
    const pssWithSha1 = derSequence(derObjectIdentifier(oid.rsassaPss), pssParameters(oid.sha1));
    expect(resultFor({ signatureAlgorithm: pssWithSha1 })).toBe('timestamp_algorithm_unsupported');
    const pssDefaults = derSequence(derObjectIdentifier(oid.rsassaPss));
    expect(resultFor({ signatureAlgorithm: pssDefaults })).toBe('timestamp_algorithm_unsupported');
    const another = derSequence(derObjectIdentifier(oid.sha256WithRsa));
    expect(resultFor({ signatureAlgorithm: another })).toBe('timestamp_signature_invalid');
    expect(resultForAuthority({ kind: 'rsa-1024' })).toBe('timestamp_signature_invalid');
  });

  it('gives a verdict for arbitrary input', () => {
    for (const token of [new Uint8Array(0), Uint8Array.of(0x30), Uint8Array.of(0x30, 0x80, 0, 0), testDigest])
      expect(verifyTimeStampToken({ token, digest: testDigest, trusted })).toMatchObject({
        ok: false,
        reason: 'timestamp_malformed',
      });
    const long = new Uint8Array(70_000);
    expect(verifyTimeStampToken({ token: long, digest: testDigest, trusted })).toMatchObject({ ok: false });
  });

  it('cannot be verified with a malformed trusted certificate', () => {
    expect(() => resultFor({}, { trusted: { certificates: [testDigest] } })).toThrow('certificate_malformed');
  });
});

describe('the certificate of a time-stamping authority', () => {
  it.each([
    ['without a purpose', null],
    ['for another purpose', { critical: true, purposes: ['1.3.6.1.5.5.7.3.1'] }],
    ['for time stamping and another purpose', { critical: true, purposes: [oid.timeStamping, '1.3.6.1.5.5.7.3.1'] }],
    ['with a purpose that is not critical', { critical: false, purposes: [oid.timeStamping] }],
  ])('%s is refused', (_, extendedKeyUsage) => {
    expect(resultForAuthority({ extendedKeyUsage })).toBe('timestamp_certificate_purpose');
  });

  it('is refused if its key usage excludes signatures', () => {
    expect(resultForAuthority({ keyUsage: [2] })).toBe('timestamp_certificate_purpose');
    expect(resultForAuthority({ keyUsage: [0] })).toBe('accepted');
    expect(resultForAuthority({ keyUsage: [1] })).toBe('accepted');
  });

  it('must be valid at the time that the token states', () => {
    expect(resultForAuthority({ notAfter: testTime - day })).toBe('timestamp_certificate_expired');
    expect(resultForAuthority({ notBefore: testTime + day })).toBe('timestamp_certificate_expired');
    // The certificate is valid to the end of its last second.
    expect(resultForAuthority({ notAfter: Math.floor(testTime / 1000) * 1000 })).toBe('accepted');
  });

  it('must not have unknown critical extensions', () => {
    expect(resultForAuthority({ unknownCriticalExtension: true })).toBe('timestamp_authority_untrusted');
  });
});

describe('the path to a trust anchor', () => {
  const root = issueCertificate({ name: 'Root', authority: true, kind: 'rsa', keyUsage: [5] });
  const middle = issueCertificate({ name: 'Middle', authority: true, issuer: root, kind: 'p384', keyUsage: [5, 6] });
  const leaf = issueCertificate({ name: 'Leaf', issuer: middle });
  const verdict = (own: typeof leaf, certificates: readonly Uint8Array[], anchors: readonly Uint8Array[]): string => {
    const answer = verifyTimeStampToken({
      token: issueToken(own, { certificates }),
      digest: testDigest,
      trusted: { certificates: anchors },
    });
    return answer.ok ? `${answer.timeStamp.path.length}` : answer.reason;
  };

  it('uses the certificates of the token in any order', () => {
    expect(verdict(leaf, [leaf.certificate, middle.certificate], [root.certificate])).toBe('3');
    expect(verdict(leaf, [root.certificate, middle.certificate, leaf.certificate], [root.certificate])).toBe('3');
    expect(verdict(leaf, [leaf.certificate], [middle.certificate])).toBe('2');
  });

  it('is not found if a certificate is missing', () => {
    expect(verdict(leaf, [leaf.certificate], [root.certificate])).toBe('timestamp_authority_untrusted');
  });

  it('does not contain issuers that are not authorities or must not sign certificates', () => {
    for (const options of [{ authority: false }, { authority: true, keyUsage: [0] }]) {
      const between = issueCertificate({ ...options, name: 'Between', issuer: root });
      const below = issueCertificate({ issuer: between });
      expect(verdict(below, [below.certificate, between.certificate], [root.certificate])).toBe(
        'timestamp_authority_untrusted',
      );
    }
  });

  it('respects path length constraints', () => {
    const narrow = issueCertificate({ name: 'Narrow root', authority: true, pathLength: 0 });
    const direct = issueCertificate({ issuer: narrow });
    expect(verdict(direct, [direct.certificate], [narrow.certificate])).toBe('2');
    const between = issueCertificate({ name: 'Between', authority: true, issuer: narrow });
    const below = issueCertificate({ issuer: between });
    expect(verdict(below, [below.certificate, between.certificate], [narrow.certificate])).toBe(
      'timestamp_authority_untrusted',
    );
  });

  it('requires signatures, not only matching names', () => {
    const impostor = issueCertificate({ name: 'Middle', authority: true });
    const forged = issueCertificate({ issuer: impostor });
    expect(verdict(forged, [forged.certificate, middle.certificate], [root.certificate])).toBe(
      'timestamp_authority_untrusted',
    );
  });

  it('is searched in bounded time among authorities that sign each other', () => {
    const first = issueCertificate({ name: 'First', authority: true });
    const second = issueCertificate({ name: 'Second', authority: true, issuer: first });
    const own = issueCertificate({ issuer: second });
    const circle = Array.from({ length: 12 }, (_, at) =>
      issueCertificate({ name: at % 2 === 0 ? 'First' : 'Second', authority: true, issuer: second }),
    );
    const certificates = [own, second, first, ...circle].map(({ certificate }) => certificate);
    expect(verdict(own, certificates, [root.certificate])).toBe('timestamp_authority_untrusted');
  });
});

describe('a token that we issue', () => {
  it('is verified with the self-signed certificate of its authority', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = publicKey.export({ format: 'jwk' });
    const signOctets = async (octets: Uint8Array) =>
      sign('sha256', octets, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    const certificate = await buildAuthorityCertificate({
      name: 'Time stamps',
      organization: 'Example Bank AG',
      publicKey: { x: Buffer.from(jwk.x ?? '', 'base64url'), y: Buffer.from(jwk.y ?? '', 'base64url') },
      serial: 1n << 150n,
      notBefore: testTime - day,
      notAfter: testTime + 10 * 365 * day,
      sign: signOctets,
    });
    for (const certificateIncluded of [true, false]) {
      const token = await buildTimeStampToken({
        info: { policy: '2.25.1', imprint: { hash: 'sha256', digest: testDigest }, serial: 1n, at: testTime },
        certificate,
        certificateIncluded,
        sign: signOctets,
      });
      const verdict = verifyTimeStampToken({ token, digest: testDigest, trusted: { certificates: [certificate] } });
      expect(verdict).toMatchObject({ ok: true, timeStamp: { time: '2026-11-21T09:30:00.125Z' } });
    }
  });
});

function withFlippedBits(octets: Uint8Array, at: number, mask: number): Uint8Array {
  const out = Uint8Array.from(octets);
  out[at] = (out[at] ?? 0) ^ mask;
  return out;
}
