import { components, findComponent } from '@countersign/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { derNull, derUtf8 } from '../der/index.ts';
import {
  encodeCertificateBag,
  encodeDirectoryName,
  type NameAttributeType,
  readCertificationRequest,
  subjectAltNamesOf,
  validatePath,
} from '../index.ts';
import { authorityExtensions, clientExtensions, issue, pem } from '../testing/new-authority.ts';
import { type OpenSsl, openSslIn } from '../testing/openssl.ts';
import { signingKey } from '../testing/signing-key.ts';

const found = findComponent(components.openssl);
const clientAuth = '1.3.6.1.5.5.7.3.2';
const policy = '1.3.6.1.4.1.99999.2.1';
const spiffe = 'spiffe://desk.example/agent/alpha';

describe.skipIf(!found.found)(`a certificate built here${found.found ? '' : ` (skipped: ${found.reason})`}`, () => {
  let tool: OpenSsl;
  beforeAll(() => {
    tool = openSslIn(found.found ? found.path : '');
  });
  afterAll(() => tool?.remove());

  const root = issue('Root', { extensions: { ...authorityExtensions, certificatePolicies: ['2.5.29.32.0'] } });
  const issuing = issue('Issuing authority', {
    by: root,
    extensions: {
      ...authorityExtensions,
      basicConstraints: { authority: true, pathLength: 0 },
      certificatePolicies: [policy],
      nameConstraints: {
        permitted: [
          { kind: 'uri', text: 'desk.example' },
          { kind: 'dns', text: 'desk.example' },
        ],
        excluded: [{ kind: 'dns', text: 'bad.desk.example' }],
      },
    },
  });
  const verify = (leaf: ReturnType<typeof issue>, ...options: readonly string[]): string | undefined => {
    tool.write('root.pem', pem('CERTIFICATE', root.certificate.encoding));
    tool.write('issuing.pem', pem('CERTIFICATE', issuing.certificate.encoding));
    tool.write('leaf.pem', pem('CERTIFICATE', leaf.certificate.encoding));
    const trust = ['-no-CApath', '-no-CAstore', '-x509_strict', '-CAfile', 'root.pem', '-untrusted', 'issuing.pem'];
    return tool.failure('verify', ...trust, ...options, 'leaf.pem');
  };
  const validate = (leaf: ReturnType<typeof issue>) =>
    validatePath(leaf.certificate, {
      anchors: [root.certificate],
      intermediates: [issuing.certificate],
      at: Date.now(),
      purposes: [clientAuth],
      policies: [policy],
    });
  const policyOptions = ['-policy_check', '-explicit_policy', '-policy', policy];

  it('is valid for OpenSSL in its strict mode and for us, under its policy and the name constraints', () => {
    const leaf = issue('agent-alpha', {
      by: issuing,
      extensions: {
        ...clientExtensions,
        subjectAltName: [
          { kind: 'uri', text: spiffe },
          { kind: 'dns', text: 'alpha.desk.example' },
        ],
        certificatePolicies: [policy],
        noRevAvail: true,
        others: [{ id: '1.3.6.1.4.1.99999.3.1', critical: false, value: derUtf8('sha256:abc') }],
      },
    });
    expect(verify(leaf, ...policyOptions)).toBeUndefined();
    expect(validate(leaf)).toMatchObject({ ok: true });
    const text = tool.run('x509', '-in', 'leaf.pem', '-noout', '-text');
    expect(text).toContain(`URI:${spiffe}`);
    expect(text).toContain('Digital Signature');
    expect(text).toContain('No Revocation Available');
    for (const [uri, dns] of [
      ['spiffe://other.example/agent', 'alpha.desk.example'],
      [spiffe, 'bad.desk.example'],
      [spiffe, '*.desk.example.evil'],
    ] as const) {
      const outside = issue('agent', {
        by: issuing,
        extensions: {
          ...clientExtensions,
          certificatePolicies: [policy],
          subjectAltName: [
            { kind: 'uri', text: uri },
            { kind: 'dns', text: dns },
          ],
        },
      });
      expect(verify(outside), uri + dns).toMatch(/subtree/);
      expect(validate(outside)).toMatchObject({ ok: false, reason: 'name_constrained' });
    }
    const unnamed = issue('agent', { by: issuing });
    expect(verify(unnamed, ...policyOptions)).toMatch(/policy/);
    expect(validate(unnamed)).toMatchObject({ ok: false, reason: 'policy_missing' });
  });

  it('shows OpenSSL where its status is published, and has the critical extensions of the standard', () => {
    const leaf = issue('', {
      by: issuing,
      subject: encodeDirectoryName([]),
      notAfter: Date.parse('2050-06-01T00:00:00Z'),
      extensions: {
        ...clientExtensions,
        extendedKeyUsage: { purposes: ['1.3.6.1.5.5.7.3.8'], critical: true },
        subjectAltName: [
          { kind: 'email', text: 'ada@desk.example' },
          { kind: 'address', octets: Uint8Array.of(10, 0, 0, 1) },
          { kind: 'upn', text: 'ada@desk.example' },
          { kind: 'directory', name: encodeDirectoryName([['countryName', 'NL']]) },
        ],
        crlDistributionPoints: ['https://pki.example/pki/crl/1', 'https://pki.example/pki/crl/2'],
        authorityInfoAccess: { ocsp: ['https://pki.example/pki/ocsp'], issuers: ['https://pki.example/pki/issuing'] },
        ocspNoCheck: true,
      },
    });
    tool.write('leaf.pem', pem('CERTIFICATE', leaf.certificate.encoding));
    const text = tool.run('x509', '-in', 'leaf.pem', '-noout', '-text');
    for (const expected of [
      /Subject Alternative Name: critical\s+email:ada@desk.example, IP Address:10.0.0.1, othername: UPN::ada@desk.example, DirName:\/?C ?= ?NL/,
      /Extended Key Usage: critical\s+Time Stamping/,
      /Full Name:\s+URI:https:\/\/pki.example\/pki\/crl\/1/,
      /OCSP - URI:https:\/\/pki.example\/pki\/ocsp/,
      /CA Issuers - URI:https:\/\/pki.example\/pki\/issuing/,
      /OCSP No Check/,
      /Not After : Jun {2}1 00:00:00 2050 GMT/,
      /Key Usage: critical\s+Digital Signature/,
    ])
      expect(text).toMatch(expected);
    expect(subjectAltNamesOf(leaf.certificate)).toHaveLength(4);
  });

  it('is signed with every algorithm that an authority may have', () => {
    for (const algorithm of ['ES256', 'ES384', 'EdDSA', 'RS256', 'PS256'] as const) {
      const by = issue(`Root ${algorithm}`, { algorithm });
      const leaf = issue('leaf', { by });
      tool.write('root.pem', pem('CERTIFICATE', by.certificate.encoding));
      tool.write('leaf.pem', pem('CERTIFICATE', leaf.certificate.encoding));
      expect(tool.failure('verify', '-x509_strict', '-CAfile', 'root.pem', 'leaf.pem'), algorithm).toBeUndefined();
      expect(
        validatePath(leaf.certificate, {
          anchors: [by.certificate],
          intermediates: [],
          at: Date.now(),
          purposes: [clientAuth],
          policies: [],
        }),
        algorithm,
      ).toMatchObject({ ok: true });
    }
  });

  it('goes into a certs-only message that OpenSSL prints', () => {
    tool.write('bag.der', encodeCertificateBag([root.certificate.encoding, issuing.certificate.encoding]));
    const text = tool.run('pkcs7', '-inform', 'DER', '-in', 'bag.der', '-print_certs', '-noout');
    expect(text).toContain('Issuing authority');
    expect(text).toContain('Root');
    expect(tool.run('cms', '-cmsout', '-print', '-inform', 'DER', '-in', 'bag.der')).toContain('signerInfos');
  });

  it('has only names that all software reads alike', () => {
    const leaf = issue('leaf', {
      by: issuing,
      subject: encodeDirectoryName([
        ['countryName', 'NL'],
        ['organizationName', 'Société Générale 株式会社'],
        ['organizationIdentifier', 'LEIXG-5493001KJTIIGC8Y1R12'],
        ['commonName', 'Ada, "Lovelace"'],
      ]),
    });
    tool.write('leaf.pem', pem('CERTIFICATE', leaf.certificate.encoding));
    const subject = tool.run('x509', '-in', 'leaf.pem', '-noout', '-subject', '-nameopt', 'utf8,sep_comma_plus_space');
    expect(subject).toContain('Société Générale 株式会社');
    expect(subject).toContain('LEIXG-5493001KJTIIGC8Y1R12');
    for (const [type, value] of [
      ['commonName', ''],
      ['commonName', ' '],
      ['commonName', 'a\u0000b'],
      ['commonName', 'x'.repeat(257)],
      ['commonName', '\ud800'],
      ['countryName', 'ÄÖ'],
    ] as const satisfies readonly (readonly [NameAttributeType, string])[])
      expect(() => encodeDirectoryName([[type, value]]), value).toThrow(
        expect.objectContaining({ code: 'name_invalid' }),
      );
    for (const text of ['a b', 'ä.example', 'a\u0000', 'x'.repeat(2_049)])
      expect(() => issue('leaf', { by: issuing, extensions: { subjectAltName: [{ kind: 'dns', text }] } })).toThrow(
        expect.objectContaining({ code: 'name_invalid' }),
      );
  });

  describe('a certification request', () => {
    const make = (key: readonly string[], ...options: readonly string[]): Uint8Array => {
      tool.run('genpkey', ...key, '-out', 'request.key');
      tool.write('request.cnf', '[req]\ndistinguished_name = dn\n[dn]\n');
      const out = ['-outform', 'DER', '-out', 'request.der'];
      tool.run(
        'req',
        '-new',
        '-config',
        'request.cnf',
        '-key',
        'request.key',
        '-subj',
        '/O=Desk/CN=alpha',
        ...options,
        ...out,
      );
      return tool.read('request.der');
    };
    const p256 = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];
    const refusal = (der: Uint8Array): unknown => {
      try {
        readCertificationRequest(der);
        return undefined;
      } catch (error) {
        return error;
      }
    };

    it('leads to a certificate for the key and the names that OpenSSL requested', () => {
      for (const key of [p256, ['-algorithm', 'RSA'], ['-algorithm', 'ED25519']]) {
        const request = readCertificationRequest(
          make(key, '-addext', `subjectAltName=URI:${spiffe},DNS:a.desk.example`),
        );
        expect(request.subjectAltNames).toEqual([
          { kind: 'uri', text: spiffe },
          { kind: 'dns', text: 'a.desk.example' },
        ]);
        const leaf = issue('alpha', {
          by: issuing,
          key: { ...signingKey(), publicKey: request.publicKey },
          subject: request.subject,
          extensions: {
            ...clientExtensions,
            subjectAltName: [{ kind: 'uri', text: spiffe }],
            certificatePolicies: [policy],
          },
        });
        expect(verify(leaf, ...policyOptions)).toBeUndefined();
      }
      expect(readCertificationRequest(make(p256)).subjectAltNames).toEqual([]);
    });

    it('is refused without proof of possession, and for a weak key', () => {
      const der = Uint8Array.from(make(p256));
      for (const at of [20, 30, der.length - 1]) {
        const changed = Uint8Array.from(der);
        changed[at] = (changed[at] ?? 0) ^ 1;
        expect(refusal(changed)).toMatchObject({
          code: expect.stringMatching(/possession_unproven|request_malformed/) as unknown,
        });
      }
      const changed = Uint8Array.from(der);
      changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
      expect(refusal(changed)).toMatchObject({ code: 'possession_unproven' });
      expect(refusal(make(['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024']))).toMatchObject({
        code: 'key_weak',
      });
      expect(refusal(make(['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-224']))).toMatchObject({
        code: 'key_weak',
      });
    });

    it('is refused with a coded error for arbitrary and changed input', () => {
      expect(refusal(new Uint8Array(16_385))).toMatchObject({ code: 'request_malformed' });
      expect(refusal(derNull())).toMatchObject({ code: 'request_malformed' });
      const der = make(p256, '-addext', `subjectAltName=URI:${spiffe}`);
      const codes = ['request_malformed', 'possession_unproven', 'key_weak', 'algorithm_unsupported'];
      fc.assert(
        fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
          const changed = Uint8Array.from(der);
          changed[at] = (changed[at] ?? 0) ^ mask;
          expect(codes).toContain((refusal(changed) as { code?: unknown } | undefined)?.code);
        }),
      );
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
          expect(refusal(octets)).toMatchObject({ code: 'request_malformed' });
        }),
      );
    });
  });
});
