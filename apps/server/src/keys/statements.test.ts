import { generateKeyPairSync } from 'node:crypto';
import { type KeyPurpose, keyPurposes } from '@countersign/contracts';
import { canonicalize, digestOf } from '@countersign/kernel';
import {
  buildCertificationRequest,
  buildTbsCertificate,
  buildTbsRevocationList,
  encodeDirectoryName,
  keyIdentifierOf,
  type NewExtensions,
} from '@countersign/x509';
import { derCertificateTime, derInteger, derObjectIdentifier, derSequence } from '@countersign/x509/der';
import { describe, expect, it } from 'vitest';
import { createStatementCheck } from './statements.ts';

const issuer = 'https://countersign.example';
const logOrigin = 'log.example/main';
const kid = 'the-key';
const record = 'rec_01hzzzzzzzzzzzzzzzzzzzzzzz';
const check = createStatementCheck({ issuer, logOrigin });

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (typ: string, claims: object = {}, header: object = {}): string =>
  `${encode({ alg: 'ES256', typ, kid, ...header })}.${encode({ iss: issuer, ...claims })}`;
const token = { iat: 1_800_000_000, exp: 1_800_000_300, evidence: record };
const version = { id: 'mnd_01hzzzzzzzzzzzzzzzzzzzzzzz', version: 1, recordId: record };
const base = (end: string): string =>
  ['"@method": POST', '"@target-uri": https://hook.example/', `"@signature-params": ${end}`].join('\n');
const octetsOf = (hex: string): Buffer => Buffer.from(hex, 'hex');

const spki = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'der', type: 'spki' });
const name = encodeDirectoryName([['commonName', 'service:risk']]);
/** A to-be-signed certificate. */
const certificateWith = (extensions: NewExtensions): Buffer =>
  Buffer.from(
    buildTbsCertificate({
      ...{ serial: 1n, algorithm: 'ES256', issuer: name, subject: name, publicKey: spki, extensions },
      ...{ notBefore: Date.UTC(2026, 0), notAfter: Date.UTC(2027, 0) },
    }),
  );
const leaf = certificateWith({ basicConstraints: { authority: false } });
const stampingUsage = { purposes: ['1.3.6.1.5.5.7.3.8'], critical: true };
const stamping = certificateWith({ basicConstraints: { authority: false }, extendedKeyUsage: stampingUsage });
/** `basicConstraints` of a subscriber, which an authority's certificate has in another extension. */
const notAnAuthority = octetsOf('0603551d130101ff04023000');
const hidden = certificateWith({
  basicConstraints: { authority: true },
  others: [{ id: '1.3.6.1.4.1.99999.1', critical: false, value: notAnAuthority }],
});
const list = Buffer.from(
  buildTbsRevocationList({
    ...{ algorithm: 'ES256', issuer: name, number: 1n, entries: [], authorityKeyIdentifier: keyIdentifierOf(spki) },
    ...{ thisUpdate: Date.UTC(2026, 0), nextUpdate: Date.UTC(2026, 1) },
  }),
);
/** A certificate of version 1: it starts with its serial number and has no extensions. */
const versionOne = (serial: bigint): Buffer =>
  Buffer.from(
    derSequence(
      derInteger(serial),
      derSequence(derObjectIdentifier('1.2.840.10045.4.3.2')),
      name,
      derSequence(derCertificateTime(Date.UTC(2026, 0)), derCertificateTime(Date.UTC(2027, 0))),
      name,
      spki,
    ),
  );
let request = Buffer.alloc(0);
await buildCertificationRequest({
  ...{ subject: name, publicKey: spki, algorithm: 'ES256' },
  async sign(octets) {
    request = Buffer.from(octets);
    return new Uint8Array(64).fill(1);
  },
});

/** A statement of each purpose. */
const statements: Readonly<Record<KeyPurpose, string | Buffer>> = {
  'access-token': jwt('at+jwt', token),
  'id-token': jwt('JWT'),
  'id-token-ps256': jwt('logout+jwt'),
  'id-token-rs256': jwt('JWT'),
  'transaction-token': jwt('txntoken+jwt'),
  'log-checkpoint': `${logOrigin}\n17\n${Buffer.alloc(32, 1).toString('base64')}\n`,
  'policy-bundle': JSON.stringify({ type: 'countersign-policy-version', v: 1, record }),
  mandate: digestOf(version),
  envelope: jwt('countersign-envelope+jwt'),
  event: base(`("@method");created=1;keyid="${kid}";alg="ecdsa-p256-sha256"`),
  'security-event': jwt('secevent+jwt'),
  'time-stamp': octetsOf('310d060b2a864886f70d0109100104'),
  'certificate-workload': leaf,
  'certificate-person': leaf,
  'certificate-device': leaf,
  'certificate-partner': list,
  'certificate-service': request,
  'certificate-status': octetsOf('3004a2020400'),
  'workload-token': jwt('JWT', { iss: undefined, sub: `spiffe://${new URL(issuer).hostname}/agent/vwap`, aud: ['x'] }),
};

const verdict = (purpose: string, data: string | Buffer, others: { record?: string; document?: Buffer } = {}) =>
  check({
    ...{
      purpose,
      kid,
      algorithm: 'ES256',
      data: Buffer.from(data),
      document: Buffer.from(canonicalize(version)),
      record,
    },
    ...others,
  });

describe('the signer', () => {
  it.each(keyPurposes)('signs a statement for %s, and none of another purpose', (purpose) => {
    expect(verdict(purpose, statements[purpose])).toBe(undefined);
    const isToClient = (name: string): boolean => name.startsWith('id-token');
    // All authority classes sign the same kinds of statements.
    const isIssuing = (name: string): boolean => name.startsWith('certificate-') && name !== 'certificate-status';
    for (const other of keyPurposes)
      if (other !== purpose && !(isToClient(other) && isToClient(purpose)) && !(isIssuing(other) && isIssuing(purpose)))
        expect(verdict(purpose, statements[other]), other).toEqual(expect.any(String));
  });

  it.each([
    ['access-token', jwt('at+jwt', { ...token, iss: 'https://another.example' }), 'the issuer is not'],
    ['access-token', jwt('at+jwt', { ...token, exp: token.iat + 361 }), 'lives too long'],
    ['access-token', jwt('at+jwt', { ...token, exp: undefined }), 'has no end'],
    ['access-token', jwt('at+jwt', { ...token, evidence: undefined }), 'does not name the record'],
    ['access-token', jwt('at+jwt', token, { kid: 'another' }), 'another key'],
    ['access-token', jwt('at+jwt', token, { alg: 'RS256' }), 'another key or algorithm'],
    ['access-token', `${jwt('at+jwt', token)}.signed`, 'not a JWT'],
    ['id-token', jwt('at+jwt', token), 'a JWT of type at+jwt'],
    ['log-checkpoint', `another.example/log\n17\n${Buffer.alloc(32).toString('base64')}\n`, 'not of log.example/main'],
    ['log-checkpoint', `${logOrigin}\n017\n${Buffer.alloc(32).toString('base64')}\n`, 'not a checkpoint'],
    ['policy-bundle', JSON.stringify({ type: 'countersign-policy-version' }), 'with its record'],
    ['event', base('("@method");keyid="another"'), 'signature base'],
    ['time-stamp', octetsOf('3000'), 'neither'],
    ['certificate-workload', certificateWith({ basicConstraints: { authority: true } }), 'of another authority'],
    ['certificate-workload', hidden, 'of another authority'],
    ['certificate-workload', certificateWith({ keyUsage: ['digitalSignature'] }), 'of another authority'],
    ['certificate-workload', versionOne(1n), 'neither a certificate'],
    ['certificate-workload', versionOne(0n), 'neither a certificate'],
    ['certificate-workload', octetsOf('3003020101'), 'neither a certificate'],
    ['time-stamp', leaf, 'neither'],
    [
      'time-stamp',
      certificateWith({ basicConstraints: { authority: true }, extendedKeyUsage: stampingUsage }),
      'neither',
    ],
    ['certificate-workload', octetsOf('3000'), 'neither a certificate'],
    ['certificate-workload', octetsOf('30'), 'neither a certificate'],
    ['certificate-status', leaf, 'not the content of an OCSP answer'],
    [
      'workload-token',
      jwt('JWT', { sub: 'spiffe://another.example/agent/vwap', aud: 'x', iss: undefined }),
      'trust domain',
    ],
    ['workload-token', jwt('JWT', { sub: 'spiffe://x/agent/vwap', aud: 'x', iss: issuer }), 'names no issuer'],
    ['unknown', 'anything', 'the purpose is unknown'],
  ])('refuses a statement for %s: %s', (purpose, data, reason) => {
    expect(verdict(purpose, data)).toContain(reason);
  });

  it('signs the certificate of the time-stamping authority with its own key', () => {
    expect(verdict('time-stamp', stamping)).toBe(undefined);
  });

  it('checks the mandate whose digest it signs, and the record that led to it', () => {
    const digest = digestOf(version);
    expect(verdict('mandate', digest, { record: 'rec_another' })).toContain('another record');
    expect(verdict('mandate', digestOf({ ...version, version: 2 }))).toContain('not of this version');
    const transaction = { ...version, id: 'tx_1' };
    const document = Buffer.from(canonicalize(transaction));
    expect(verdict('mandate', digestOf(transaction), { document })).toContain('not a mandate');
    expect(verdict('mandate', digest, { document: Buffer.from('{') })).toContain('missing');
  });
});
