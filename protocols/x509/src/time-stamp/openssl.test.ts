import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { components, findComponent } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  buildAuthorityCertificate,
  buildTimeStampToken,
  encodeGrantedResponse,
  encodeRejectedResponse,
  encodeTimeStampRequest,
  readTimeStampRequest,
  readTimeStampResponse,
  type TimeStampRequest,
  verifyTimeStampToken,
} from '../index.ts';
import { type OpenSsl, openSslAuthority, openSslExtensions, openSslIn } from '../testing/openssl.ts';

const openssl = findComponent(components.openssl);
const program = openssl.found ? openssl.path : '';
const skipped = openssl.found ? '' : ` (skipped: ${openssl.reason})`;
const digest = createHash('sha256').update('an order\n').digest();
const wanted: Omit<TimeStampRequest, 'extensions'> = {
  imprint: { hash: 'sha256', digest },
  nonce: 0xdecafn,
  certificateWanted: true,
};

describe.skipIf(!openssl.found)(`an authority of OpenSSL${skipped}`, () => {
  let tool: OpenSsl;

  beforeAll(() => {
    tool = openSslIn(program);
    tool.write('ext.cnf', openSslExtensions);
    tool.write('tsa.cnf', openSslAuthority);
    tool.run(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-subj',
      '/CN=Root',
      '-config',
      'ext.cnf',
      '-extensions',
      'ca',
      '-days',
      '30',
    );
  });
  afterAll(() => tool.remove());

  function certify(key: readonly string[], extensions = 'tsa', signature: readonly string[] = []): void {
    tool.run('genpkey', ...key, '-out', 'tsa.key');
    tool.run('req', '-new', '-key', 'tsa.key', '-subj', '/CN=Stamps', '-config', 'ext.cnf', '-out', 'tsa.csr');
    tool.run(
      'x509',
      '-req',
      '-in',
      'tsa.csr',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '30',
      '-extfile',
      'ext.cnf',
      '-extensions',
      extensions,
      ...signature,
      '-out',
      'tsa.pem',
    );
    tool.run('x509', '-in', 'ca.pem', '-outform', 'DER', '-out', 'ca.der');
    tool.write('chain.pem', tool.read('ca.pem'));
    tool.write('serial', '0BADCAFE\n');
  }

  function reply(request = wanted): Uint8Array {
    tool.write('ours.tsq', encodeTimeStampRequest(request));
    tool.run('ts', '-reply', '-config', 'tsa.cnf', '-section', 'here', '-queryfile', 'ours.tsq', '-out', 'its.tsr');
    return tool.read('its.tsr');
  }

  function tokenOf(response: Uint8Array): Uint8Array {
    const read = readTimeStampResponse(response);
    if (!read.granted) throw new Error(`refused: ${read.text}`);
    return read.token;
  }

  it.each([
    ['P-256', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'], []],
    ['P-384', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'], []],
    ['RSA', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'], []],
    [
      'RSA, certified with PSS',
      ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
      ['-sha256', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:32'],
    ],
  ])('answers our request with a token that we verify: %s', (_, key, signature) => {
    certify(key, 'tsa', signature);
    const trusted = { certificates: [tool.read('ca.der')] };
    const token = tokenOf(reply());
    const verdict = verifyTimeStampToken({ token, digest, trusted, nonce: 0xdecafn, policies: ['1.2.3.4.1'] });
    expect(verdict).toMatchObject({
      ok: true,
      timeStamp: { accuracyMicroseconds: 1_500_100, policy: '1.2.3.4.1', path: { length: 2 } },
    });
    const last = Uint8Array.from(token);
    last[last.length - 1] = (last.at(-1) ?? 0) ^ 1;
    expect(verifyTimeStampToken({ token: last, digest, trusted })).toMatchObject({
      ok: false,
      reason: 'timestamp_signature_invalid',
    });
  });

  it('reads our request as intended', () => {
    tool.write('ours.tsq', encodeTimeStampRequest({ ...wanted, policy: '1.2.3.4.5' }));
    const text = tool.run('ts', '-query', '-in', 'ours.tsq', '-text');
    expect(text).toContain('Hash Algorithm: sha256');
    expect(text).toContain('Policy OID: 1.2.3.4.5');
    expect(text).toContain('Nonce: 0x0DECAF');
    expect(text).toContain('Certificate required: yes');
  });

  it('refuses a policy it does not have, with an error that we can read', () => {
    certify(['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']);
    const read = readTimeStampResponse(reply({ ...wanted, policy: '1.9.9' }));
    expect(read).toMatchObject({ granted: false, status: 2, failures: ['unacceptedPolicy'] });
  });
});

describe.skipIf(!openssl.found)(`OpenSSL as a client${skipped}`, () => {
  let tool: OpenSsl;
  let certificate: Uint8Array;
  let key: KeyObject;
  const signOctets = async (octets: Uint8Array) => sign('sha256', octets, { key, dsaEncoding: 'ieee-p1363' });

  beforeAll(async () => {
    tool = openSslIn(program);
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    key = privateKey;
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
    certificate = await buildAuthorityCertificate({
      name: 'Countersign time stamps',
      organization: 'Example Bank AG',
      publicKey: { x: Buffer.from(x, 'base64url'), y: Buffer.from(y, 'base64url') },
      serial: 0xc0ffeen,
      notBefore: Date.now() - 3_600_000,
      notAfter: Date.now() + 3_600_000,
      sign: signOctets,
    });
    tool.write('tsa.der', certificate);
    tool.run('x509', '-inform', 'DER', '-in', 'tsa.der', '-out', 'tsa.pem');
    tool.write('order', 'an order\n');
  });
  afterAll(() => tool.remove());

  async function answer(query: readonly string[]): Promise<TimeStampRequest> {
    tool.run('ts', '-query', '-data', 'order', '-out', 'its.tsq', ...query);
    const request = readTimeStampRequest(tool.read('its.tsq'));
    const token = await buildTimeStampToken({
      info: {
        policy: request.policy ?? '2.25.1',
        imprint: request.imprint,
        serial: 0xabcdefn,
        at: Date.now(),
        accuracyMicroseconds: 250_000,
        ...(request.nonce === undefined ? {} : { nonce: request.nonce }),
      },
      certificate,
      certificateIncluded: request.certificateWanted,
      sign: signOctets,
    });
    tool.write('ours.tsr', encodeGrantedResponse(token));
    return request;
  }
  const verify = ['ts', '-verify', '-queryfile', 'its.tsq', '-in', 'ours.tsr', '-CAfile', 'tsa.pem'];

  it.each([
    ['with a nonce and the certificate', ['-sha256', '-cert']],
    ['without either', ['-sha256', '-no_nonce']],
    ['by SHA-512, under a policy', ['-sha512', '-cert', '-tspolicy', '1.2.3']],
  ])('verifies our token: asked %s', async (_, query) => {
    const request = await answer(query);
    expect(request.certificateWanted).toBe(query.includes('-cert'));
    expect(request.nonce === undefined).toBe(query.includes('-no_nonce'));
    const its = request.certificateWanted ? [] : ['-untrusted', 'tsa.pem'];
    expect(tool.run(...verify, ...its)).toContain('Verification: OK');
    const text = tool.run('ts', '-reply', '-in', 'ours.tsr', '-text');
    expect(text).toContain('Status: Granted.');
    expect(text).toContain('0xFA millis');
    expect(text).toContain('Serial number: 0xABCDEF');
  });

  it('refuses our token with an octet changed', async () => {
    await answer(['-sha256', '-cert']);
    const changed = Uint8Array.from(tool.read('ours.tsr'));
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    tool.write('ours.tsr', changed);
    expect(tool.failure(...verify)).toContain('Verification: FAILED');
  });

  it('finds our certificate suitable for time stamps and nothing else', () => {
    const text = tool.run('x509', '-in', 'tsa.pem', '-text', '-noout', '-purpose');
    expect(text).toMatch(/Extended Key Usage: critical\s+Time Stamping/);
    expect(text).toContain('Time Stamp signing : Yes');
    expect(text).toContain('SSL client : No');
    expect(tool.run('verify', '-CAfile', 'tsa.pem', '-purpose', 'timestampsign', 'tsa.pem')).toContain('OK');
  });

  it('reads our refusal', () => {
    tool.write('no.tsr', encodeRejectedResponse('timeNotAvailable', 'The clock is not within its budget.'));
    const text = tool.run('ts', '-reply', '-in', 'no.tsr', '-text');
    expect(text).toContain('Status: Rejected.');
    expect(text).toContain('The clock is not within its budget.');
    expect(text).toContain('time source is not available');
  });
});
