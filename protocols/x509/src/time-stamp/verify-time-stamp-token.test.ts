import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { derObjectIdentifier, derSequence } from '../der/der-writer.ts';
import {
  buildAuthorityCertificate,
  buildTimeStampToken,
  readX509Certificate,
  type TimeStampTrust,
  verifyTimeStampToken,
} from '../index.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import {
  type CertificateWishes,
  issueCertificate,
  issueToken,
  keyKinds,
  pssParameters,
  type TokenWishes,
  testDigest,
  testTime,
} from '../testing/test-authority.ts';

const authority = issueCertificate({ name: 'The authority' });
const trusted: TimeStampTrust = { certificates: [authority.certificate] };
const day = 24 * 3_600_000;

/** Why a token is refused, or `accepted`. */
function verdictOn(wishes: TokenWishes, claim: Partial<Parameters<typeof verifyTimeStampToken>[0]> = {}): string {
  const token = issueToken(authority, wishes);
  const verdict = verifyTimeStampToken({ token, digest: testDigest, trusted, ...claim });
  return verdict.ok ? 'accepted' : verdict.reason;
}

/** The same for the token of an authority as it is wished for, with its own certificate trusted. */
function verdictOnAuthority(wishes: CertificateWishes): string {
  const own = issueCertificate(wishes);
  const verdict = verifyTimeStampToken({
    token: issueToken(own),
    digest: testDigest,
    trusted: { certificates: [own.certificate] },
  });
  return verdict.ok ? 'accepted' : verdict.reason;
}

describe('a time-stamp token', () => {
  it('is verified, and says when, by whom and how well', () => {
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
    expect(verdictOnAuthority({ kind })).toBe('accepted');
  });

  it('is verified when the signer names its certificate by SHA-1, as RFC 5816 still allows', () => {
    expect(verdictOn({ signingCertificate: 'v1' })).toBe('accepted');
  });

  it('is verified by a certificate that the reader has and the token has not', () => {
    expect(verdictOn({ certificates: [] })).toBe('accepted');
  });

  it('is verified by the pinned key of its authority', () => {
    const key = createHash('sha256').update(readX509Certificate(authority.certificate).publicKey).digest();
    expect(verdictOn({}, { trusted: { keys: [key] } })).toBe('accepted');
    expect(verdictOn({}, { trusted: { keys: [testDigest] } })).toBe('timestamp_authority_untrusted');
  });

  it('is refused with any one bit of it changed outside of the certificate, and with any octet cut off', () => {
    const token = issueToken(authority, { info: { nonce: 5n, accuracyMicroseconds: 1000 } });
    // The list of certificates begins with a tag and a length of three octets.
    const listAt = Buffer.from(token).indexOf(authority.certificate) - 4;
    const listEnd = listAt + 4 + authority.certificate.length;
    const accepted: number[] = [];
    for (let at = 0; at < token.length; at++) {
      const bits = [1, 2, 4, 8, 16, 32, 64, 128].map((mask) => flipped(token, at, mask));
      for (const changed of [...bits, token.subarray(0, at)])
        if (verifyTimeStampToken({ token: changed, digest: testDigest, trusted, nonce: 5n }).ok) accepted.push(at);
    }
    // The reader has the certificate itself: a copy that is no longer the same is one certificate more, and says nothing.
    expect(accepted.filter((at) => at < listAt || at >= listEnd)).toEqual([]);
  });

  it('says the same with a certificate beside it that was changed, or is refused', () => {
    const token = issueToken(authority);
    const original = verifyTimeStampToken({ token, digest: testDigest, trusted });
    const certificateAt = Buffer.from(token).indexOf(authority.certificate);
    for (let at = certificateAt; at < certificateAt + authority.certificate.length; at++) {
      const again = verifyTimeStampToken({ token: flipped(token, at, 1), digest: testDigest, trusted });
      if (again.ok) expect(again).toEqual(original);
    }
  });

  it('is refused over another digest', () => {
    expect(verdictOn({}, { digest: createHash('sha256').update('another').digest() })).toBe(
      'timestamp_digest_mismatch',
    );
    expect(verdictOn({}, { digest: new Uint8Array(0) })).toBe('timestamp_digest_mismatch');
  });

  it('is refused with another nonce than was sent, or none', () => {
    expect(verdictOn({ info: { nonce: 1n } }, { nonce: 2n })).toBe('timestamp_nonce_mismatch');
    expect(verdictOn({}, { nonce: 2n })).toBe('timestamp_nonce_mismatch');
    expect(verdictOn({ info: { nonce: -9n } }, { nonce: -9n })).toBe('accepted');
  });

  it('is refused under a policy that will not do', () => {
    expect(verdictOn({}, { policies: ['1.2.3'] })).toBe('timestamp_policy_unexpected');
    expect(verdictOn({}, { policies: ['1.2.3', '1.3.6.1.4.1.99999.1'] })).toBe('accepted');
  });

  it('is refused when what was signed is not what it holds', () => {
    expect(verdictOn({ messageDigest: testDigest })).toBe('timestamp_signature_invalid');
    expect(verdictOn({ contentType: oid.data })).toBe('timestamp_signature_invalid');
    expect(verdictOn({ attributesTwice: true })).toBe('timestamp_malformed');
  });

  it('is refused with two signatures, or none', () => {
    expect(verdictOn({ signatures: 2 })).toBe('timestamp_malformed');
    expect(verdictOn({ signatures: 0 })).toBe('timestamp_malformed');
  });

  it('is refused when the signer does not say which certificate is its own, or names another', () => {
    expect(verdictOn({ signingCertificate: 'none' })).toBe('timestamp_certificate_mismatch');
    expect(verdictOn({ signingCertificate: { of: issueCertificate().certificate } })).toBe(
      'timestamp_certificate_mismatch',
    );
  });

  it('is refused when nobody has the certificate of its authority', () => {
    const other = { certificates: [issueCertificate().certificate] };
    expect(verdictOn({ certificates: [] }, { trusted: other })).toBe('timestamp_certificate_missing');
  });

  it('is refused when the reader trusts nobody, or somebody else', () => {
    expect(verdictOn({}, { trusted: {} })).toBe('timestamp_authority_untrusted');
    const other = { certificates: [issueCertificate({ name: 'The authority' }).certificate] };
    expect(verdictOn({}, { trusted: other })).toBe('timestamp_authority_untrusted');
  });

  it('is refused with digests and signatures that are not relied on any more, or say what they are not', () => {
    expect(verdictOn({ digestAlgorithm: oid.sha1 })).toBe('timestamp_algorithm_unsupported');
    const pssWithSha1 = derSequence(derObjectIdentifier(oid.rsassaPss), pssParameters(oid.sha1));
    expect(verdictOn({ signatureAlgorithm: pssWithSha1 })).toBe('timestamp_algorithm_unsupported');
    const pssDefaults = derSequence(derObjectIdentifier(oid.rsassaPss));
    expect(verdictOn({ signatureAlgorithm: pssDefaults })).toBe('timestamp_algorithm_unsupported');
    const another = derSequence(derObjectIdentifier(oid.sha256WithRsa));
    expect(verdictOn({ signatureAlgorithm: another })).toBe('timestamp_signature_invalid');
    expect(verdictOnAuthority({ kind: 'rsa-1024' })).toBe('timestamp_signature_invalid');
  });

  it('is a verdict, never an exception, for whatever comes', () => {
    for (const token of [new Uint8Array(0), Uint8Array.of(0x30), Uint8Array.of(0x30, 0x80, 0, 0), testDigest])
      expect(verifyTimeStampToken({ token, digest: testDigest, trusted })).toMatchObject({
        ok: false,
        reason: 'timestamp_malformed',
      });
    const long = new Uint8Array(70_000);
    expect(verifyTimeStampToken({ token: long, digest: testDigest, trusted })).toMatchObject({ ok: false });
  });

  it('is not looked at when what is trusted is no certificate', () => {
    expect(() => verdictOn({}, { trusted: { certificates: [testDigest] } })).toThrow('certificate_malformed');
  });
});

describe('the certificate of an authority', () => {
  it.each([
    ['without a purpose', null],
    ['for another purpose', { critical: true, purposes: ['1.3.6.1.5.5.7.3.1'] }],
    ['for time stamps and more', { critical: true, purposes: [oid.timeStamping, '1.3.6.1.5.5.7.3.1'] }],
    ['for time stamps, but not critically so', { critical: false, purposes: [oid.timeStamping] }],
  ])('%s stamps no time', (_, extendedKeyUsage) => {
    expect(verdictOnAuthority({ extendedKeyUsage })).toBe('timestamp_certificate_purpose');
  });

  it('whose key may not sign stamps no time', () => {
    expect(verdictOnAuthority({ keyUsage: [2] })).toBe('timestamp_certificate_purpose');
    expect(verdictOnAuthority({ keyUsage: [0] })).toBe('accepted');
    expect(verdictOnAuthority({ keyUsage: [1] })).toBe('accepted');
  });

  it('must be valid at the time that the token states', () => {
    expect(verdictOnAuthority({ notAfter: testTime - day })).toBe('timestamp_certificate_expired');
    expect(verdictOnAuthority({ notBefore: testTime + day })).toBe('timestamp_certificate_expired');
    // The last second counts in full.
    expect(verdictOnAuthority({ notAfter: Math.floor(testTime / 1000) * 1000 })).toBe('accepted');
  });

  it('must not hold what is critical and not understood', () => {
    expect(verdictOnAuthority({ strange: true })).toBe('timestamp_authority_untrusted');
  });
});

describe('the path to who is trusted', () => {
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

  it('leads through the certificates that came along, in any order', () => {
    expect(verdict(leaf, [leaf.certificate, middle.certificate], [root.certificate])).toBe('3');
    expect(verdict(leaf, [root.certificate, middle.certificate, leaf.certificate], [root.certificate])).toBe('3');
    expect(verdict(leaf, [leaf.certificate], [middle.certificate])).toBe('2');
  });

  it('is none when one is missing', () => {
    expect(verdict(leaf, [leaf.certificate], [root.certificate])).toBe('timestamp_authority_untrusted');
  });

  it('does not lead over a certificate that is no authority, or whose key may not sign certificates', () => {
    for (const wishes of [{ authority: false }, { authority: true, keyUsage: [0] }]) {
      const between = issueCertificate({ ...wishes, name: 'Between', issuer: root });
      const below = issueCertificate({ issuer: between });
      expect(verdict(below, [below.certificate, between.certificate], [root.certificate])).toBe(
        'timestamp_authority_untrusted',
      );
    }
  });

  it('is as long as each of its authorities allows', () => {
    const narrow = issueCertificate({ name: 'Narrow root', authority: true, pathLength: 0 });
    const direct = issueCertificate({ issuer: narrow });
    expect(verdict(direct, [direct.certificate], [narrow.certificate])).toBe('2');
    const between = issueCertificate({ name: 'Between', authority: true, issuer: narrow });
    const below = issueCertificate({ issuer: between });
    expect(verdict(below, [below.certificate, between.certificate], [narrow.certificate])).toBe(
      'timestamp_authority_untrusted',
    );
  });

  it('does not take a name for a signature', () => {
    const impostor = issueCertificate({ name: 'Middle', authority: true });
    const forged = issueCertificate({ issuer: impostor });
    expect(verdict(forged, [forged.certificate, middle.certificate], [root.certificate])).toBe(
      'timestamp_authority_untrusted',
    );
  });

  it('ends among authorities that sign each other in a circle', () => {
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

describe('a token of our own', () => {
  it('is verified by the certificate that its authority issued itself', async () => {
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

function flipped(octets: Uint8Array, at: number, mask: number): Uint8Array {
  const out = Uint8Array.from(octets);
  out[at] = (out[at] ?? 0) ^ mask;
  return out;
}
