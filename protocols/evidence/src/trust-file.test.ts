import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { issueCertificate } from '../../x509/src/testing/test-authority.ts';
import { parseTrust, readCertificateFile, verificationReportOf, verifyBundle } from './index.ts';
import { tellOrder } from './testing/order-story.ts';

const one = issueCertificate().certificate;
const other = issueCertificate().certificate;
const pem = (...certificates: readonly Uint8Array[]): string =>
  certificates
    .map((der) => {
      const lines = Buffer.from(der).toString('base64').replaceAll(/.{64}/g, '$&\n');
      return `subject=somebody\n-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
    })
    .join('');
const vkey = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';

describe('a trust file', () => {
  it('is read member by member, all optional', () => {
    expect(parseTrust({})).toEqual({ ok: true, trust: {} });
    expect(
      parseTrust({
        logVerifierKey: vkey,
        checkpoint: 'a note\n',
        policy: 'quorum none\n',
        timeStampAuthorities: [pem(one, other), Buffer.from(one).toString('base64url')],
        certificateAuthorities: [],
        envelopes: ['a.b.c'],
      }),
    ).toEqual({
      ok: true,
      trust: {
        logVerifierKey: vkey,
        checkpoint: 'a note\n',
        policy: 'quorum none\n',
        timeStampAuthorities: [Buffer.from(one), Buffer.from(other), Buffer.from(one)],
        certificateAuthorities: [],
        envelopes: ['a.b.c'],
      },
    });
  });

  it.each([
    ['what is no object', [vkey], 'no JSON object'],
    ['an unknown member', { logKey: vkey }, 'it holds logKey'],
    ['an invalid key', { logVerifierKey: 'example.com/foo+530d903b+AekyeRrm56hApGFk' }, 'verifier key'],
    ['an invalid policy', { policy: 'quorum nobody\n' }, 'unknown_name, line 1'],
    ['an invalid certificate', { timeStampAuthorities: ['AAAA'] }, 'no certificate'],
    ['one of two certificates invalid', { certificateAuthorities: [pem(one, Buffer.alloc(9))] }, 'no certificate'],
    ['one where a list belongs', { envelopes: 'a.b.c' }, 'not a list'],
    ['an empty checkpoint', { checkpoint: '' }, 'checkpoint'],
  ])('with %s is refused with the reason', (_, input, problem) => {
    expect(parseTrust(input)).toEqual({ ok: false, problem: expect.stringContaining(problem) as unknown });
  });

  it('is accepted or refused, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(typeof parseTrust(value).ok).toBe('boolean');
      }),
    );
  });
});

describe('a file of certificates', () => {
  it('is DER of one certificate, or PEM of several', () => {
    expect(readCertificateFile(one)).toEqual([one]);
    expect(readCertificateFile(Buffer.from(pem(one, other)))).toEqual([Buffer.from(one), Buffer.from(other)]);
    for (const none of ['', 'no certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'])
      expect(readCertificateFile(Buffer.from(none))).toBeUndefined();
  });
});

describe('the report of a verification', () => {
  it('names its file and its transaction', async () => {
    const story = tellOrder();
    const bundle = await story.bundle();
    const verification = verifyBundle(bundle, { trust: { logVerifierKey: story.log.verifierKey } });
    const report = verificationReportOf(bundle, verification, 'ab12');
    expect(report).toMatchObject({
      format: 'countersign-evidence-report/1',
      verdict: 'verified',
      fileDigest: 'ab12',
      bundle: {
        format: 'countersign-evidence-bundle/2',
        transaction: story.transaction,
        tree: { size: '14', root: bundle.checkpoint.split('\n')[2] },
        records: 14,
        firstRecordTime: '2026-11-21T09:30:00.000Z',
        lastRecordTime: '2026-11-21T09:30:13.000Z',
      },
    });
    expect(report.steps).toBe(verification.steps);
  });

  it('states only that a file is not a bundle', () => {
    const report = verificationReportOf('x', verifyBundle('x'), 'ab12');
    expect(report).toMatchObject({ verdict: 'failed', steps: [{ code: 'bundle_malformed' }] });
    expect(report).not.toHaveProperty('bundle');
  });
});
