import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derNull, derUtf8, readDer, tags } from '../der/index.ts';
import { encodeDirectoryName, type NewExtensions, type NewGeneralName } from '../index.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import {
  authorityExtensions,
  buildFor,
  clientExtensions,
  day,
  type IssueOptions,
  issue,
} from '../testing/new-authority.ts';
import { signingKey } from '../testing/signing-key.ts';
import { type CertificateRule, createIssuanceCheck, lintCertificate } from './index.ts';

const policy = '1.3.6.1.4.1.99999.2.1';
const now = Math.floor(Date.now() / 1000) * 1000;
const root = issue('Root', { notAfter: now + 400 * day });
const issuing = issue('Issuing authority', {
  by: root,
  notAfter: now + 200 * day,
  extensions: {
    ...authorityExtensions,
    basicConstraints: { authority: true, pathLength: 0 },
    certificatePolicies: [policy],
    nameConstraints: {
      permitted: [{ kind: 'uri', text: 'desk.example' }],
      excluded: [{ kind: 'dns', text: 'bad.desk.example' }],
    },
  },
});
const check = createIssuanceCheck([issuing.certificate, root.certificate]);
const good: NewExtensions = {
  ...clientExtensions,
  subjectAltName: [{ kind: 'uri', text: 'spiffe://desk.example/agent/alpha' }],
  certificatePolicies: [policy],
  noRevAvail: true,
};
const key = signingKey();

const build = (extensions: NewExtensions = {}, options: IssueOptions = {}): Uint8Array =>
  buildFor(
    'alpha',
    { by: issuing, notAfter: now + day, extensions: { ...good, ...extensions }, ...options },
    options.key ?? key,
  );
const rulesOf = (toBeSigned: Uint8Array): readonly CertificateRule[] => [
  ...new Set(check.findFaults(toBeSigned, now).map(({ rule }) => rule)),
];
const withName = (name: NewGeneralName): Uint8Array => build({ subjectAltName: [name] });
const other = (id: string, critical: boolean, value = derNull()): NewExtensions => ({
  others: [{ id, critical, value }],
});
const spki = (kind: 'p224' | 'rsa-1024'): Uint8Array => {
  const pair =
    kind === 'p224'
      ? generateKeyPairSync('ec', { namedCurve: 'secp224r1' })
      : generateKeyPairSync('rsa', { modulusLength: 1024 });
  return pair.publicKey.export({ format: 'der', type: 'spki' });
};
/** Without one extension. */
const without = (name: keyof NewExtensions): NewExtensions => {
  const { [name]: _, ...rest } = good;
  return rest;
};

describe('a certificate before it is signed', () => {
  it('has no faults when it follows its profile', () => {
    expect(check.findFaults(build(), now)).toEqual([]);
    const published = { ...without('noRevAvail'), crlDistributionPoints: ['https://pki.example/1'] };
    expect(check.findFaults(build({}, { extensions: published }), now)).toEqual([]);
    const responder: NewExtensions = {
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: { purposes: [oid.ocspSigning] },
      certificatePolicies: [policy],
      ocspNoCheck: true,
    };
    expect(check.findFaults(build({}, { extensions: responder }), now)).toEqual([]);
  });

  it('has no faults as the certificate of an authority below a root', () => {
    const rootCheck = createIssuanceCheck([root.certificate]);
    const below = (extensions: NewExtensions, options: IssueOptions = {}) =>
      rootCheck
        .findFaults(
          buildFor(
            'Next',
            {
              by: root,
              notAfter: now + 90 * day,
              extensions: { ...authorityExtensions, certificatePolicies: [policy], ...extensions },
              ...options,
            },
            key,
          ),
          now,
        )
        .map(({ rule }) => rule);
    expect(below({ nameConstraints: { permitted: [{ kind: 'uri', text: 'desk.example' }] } })).toEqual([]);
    expect(below({ noRevAvail: true })).toContain('revocation_information');
    expect(below({ keyUsage: ['digitalSignature'] })).toEqual(['key_usage', 'path']);
    expect(below({ nameConstraints: {} })).toContain('name_constraints');
    expect(below({}, { subject: encodeDirectoryName([]) })).toContain('subject');
  });

  // The first rule is the broken one. `path` follows where relying parties refuse the certificate too.
  const broken: readonly (readonly [what: string, rules: readonly CertificateRule[], toBeSigned: () => Uint8Array])[] =
    [
      ['a short serial number', ['serial_number'], () => build({}, { serial: 1n })],
      ['a negative serial number', ['serial_number'], () => build({}, { serial: -(2n ** 100n) })],
      ['a serial number of 21 octets', ['serial_number'], () => build({}, { serial: 2n ** 162n })],
      ['a validity that starts too long ago', ['validity'], () => build({}, { notBefore: now - 120_000 })],
      [
        'a validity that has ended',
        ['validity', 'path'],
        () => build({}, { notBefore: now - 30_000, notAfter: now - 20_000 }),
      ],
      ['a validity beyond that of the authority', ['validity', 'path'], () => build({}, { notAfter: now + 300 * day })],
      [
        'a subject that is too long',
        ['subject'],
        () => build({}, { subject: encodeDirectoryName([['commonName', 'x'.repeat(65)]]) }),
      ],
      [
        'two common names',
        ['subject'],
        () =>
          build(
            {},
            {
              subject: encodeDirectoryName([
                ['commonName', 'a'],
                ['commonName', 'b'],
              ]),
            },
          ),
      ],
      [
        'no subject and no alternative name',
        ['subject'],
        () => build({}, { subject: encodeDirectoryName([]), extensions: without('subjectAltName') }),
      ],
      [
        'a weak RSA key',
        ['public_key', 'key_usage', 'path'],
        () => build({}, { key: { ...key, publicKey: spki('rsa-1024') } }),
      ],
      [
        'a weak curve',
        ['public_key', 'key_usage', 'path'],
        () => build({}, { key: { ...key, publicKey: spki('p224') } }),
      ],
      ["the authority's own key", ['public_key'], () => build({}, { key: issuing.key })],
      [
        'another authority key identifier',
        ['key_identifiers'],
        () => build({ authorityKeyIdentifier: new Uint8Array(20) }),
      ],
      ['an empty subject key identifier', ['key_identifiers'], () => build({ subjectKeyIdentifier: new Uint8Array() })],
      ['a path length', ['basic_constraints'], () => build({ basicConstraints: { authority: false, pathLength: 0 } })],
      ['no key usage', ['key_usage', 'path'], () => build({}, { extensions: without('keyUsage') })],
      ['the usage of an authority', ['key_usage'], () => build({ keyUsage: ['digitalSignature', 'keyCertSign'] })],
      ['the usage of signing lists', ['key_usage'], () => build({ keyUsage: ['digitalSignature', 'crlSign'] })],
      ['enciphering with an EC key', ['key_usage'], () => build({ keyUsage: ['digitalSignature', 'keyEncipherment'] })],
      ['no purpose', ['extended_key_usage', 'path'], () => build({}, { extensions: without('extendedKeyUsage') })],
      [
        'any purpose',
        ['extended_key_usage'],
        () => build({ extendedKeyUsage: { purposes: [oid.anyExtendedKeyUsage] } }),
      ],
      [
        'time stamping that is not critical',
        ['extended_key_usage'],
        () => build({ extendedKeyUsage: { purposes: [oid.timeStamping] } }),
      ],
      [
        'time stamping beside another purpose',
        ['extended_key_usage'],
        () => build({ extendedKeyUsage: { purposes: [oid.timeStamping, oid.clientAuth], critical: true } }),
      ],
      [
        'OCSP signing beside another purpose',
        ['extended_key_usage'],
        () => build({ extendedKeyUsage: { purposes: [oid.ocspSigning, oid.clientAuth] } }),
      ],
      [
        'a name with a trailing dot',
        ['subject_alt_name', 'path'],
        () => withName({ kind: 'dns', text: 'a.desk.example.' }),
      ],
      ['a star inside a name', ['subject_alt_name', 'path'], () => withName({ kind: 'dns', text: 'a*.desk.example' })],
      [
        'an address without a scheme',
        ['subject_alt_name', 'path'],
        () => withName({ kind: 'uri', text: 'desk.example' }),
      ],
      ['a mailbox without a host', ['subject_alt_name'], () => withName({ kind: 'email', text: 'ada' })],
      [
        'an alternative name twice',
        ['subject_alt_name'],
        () => build({ subjectAltName: [...(good.subjectAltName ?? []), ...(good.subjectAltName ?? [])] }),
      ],
      ['no alternative names in the extension', ['subject_alt_name'], () => build({ subjectAltName: [] })],
      [
        'an address of five octets',
        ['subject_alt_name', 'path'],
        () => withName({ kind: 'address', octets: new Uint8Array(5) }),
      ],
      ['a name outside the constraints', ['path'], () => withName({ kind: 'uri', text: 'spiffe://other.example/a' })],
      ['an excluded name', ['path'], () => withName({ kind: 'dns', text: 'x.bad.desk.example' })],
      ['a wildcard over an excluded name', ['path'], () => withName({ kind: 'dns', text: '*.desk.example' })],
      [
        'name constraints',
        ['name_constraints'],
        () => build({ nameConstraints: { permitted: [{ kind: 'dns', text: 'a' }] } }),
      ],
      ['no policy', ['policies'], () => build({}, { extensions: without('certificatePolicies') })],
      ["a policy that is not the authority's", ['path'], () => build({ certificatePolicies: ['1.2.3.4'] })],
      ['any policy', ['policies'], () => build({ certificatePolicies: [policy, oid.anyPolicy] })],
      [
        'noRevAvail beside a list',
        ['revocation_information', 'path'],
        () => build({ crlDistributionPoints: ['https://pki.example/1'] }),
      ],
      [
        'noRevAvail beside a responder',
        ['revocation_information', 'path'],
        () => build({ authorityInfoAccess: { ocsp: ['https://pki.example/o'] } }),
      ],
      [
        'a critical noRevAvail',
        ['revocation_information', 'critical_extensions', 'path'],
        () => build({}, { extensions: { ...without('noRevAvail'), ...other(oid.noRevAvail, true) } }),
      ],
      [
        'noRevAvail with a value',
        ['revocation_information', 'path'],
        () => build({}, { extensions: { ...without('noRevAvail'), ...other(oid.noRevAvail, false, derUtf8('x')) } }),
      ],
      ['no revocation information', ['revocation_information'], () => build({}, { extensions: without('noRevAvail') })],
      [
        'a list at a file',
        ['revocation_information'],
        () => build({}, { extensions: { ...without('noRevAvail'), crlDistributionPoints: ['file:///etc/list'] } }),
      ],
      ['an unknown critical extension', ['critical_extensions', 'path'], () => build(other('1.2.3.4', true))],
      [
        'key identifiers that are critical',
        ['critical_extensions'],
        () =>
          build(
            {},
            {
              extensions: {
                ...without('subjectKeyIdentifier'),
                subjectKeyIdentifier: undefined,
                ...other(oid.subjectKeyIdentifier, true, Uint8Array.of(4, 1, 7)),
              } as unknown as NewExtensions,
            },
          ),
      ],
      ['an extension twice', ['encoding'], () => build(other(oid.keyUsage, true, Uint8Array.of(3, 2, 7, 0x80)))],
      [
        'the rights of an authority that its authority cannot give',
        ['path'],
        () => build({ ...authorityExtensions, noRevAvail: undefined } as unknown as NewExtensions),
      ],
      ['another issuer', ['issuer', 'key_identifiers', 'path'], () => build({}, { by: root })],
      [
        'an algorithm that the authority does not have',
        ['signature_algorithm'],
        () => build({}, { by: { ...issuing, key: { ...issuing.key, algorithm: 'EdDSA' } } }),
      ],
    ];
  it.each(broken)('is refused with %s', (_, rules, toBeSigned) => {
    const found = rulesOf(toBeSigned());
    expect(found.filter((rule) => rule !== 'path')).toEqual(rules.filter((rule) => rule !== 'path'));
    expect(found.includes('path')).toBe(rules.includes('path'));
  });

  it('is refused with a time in the wrong form', () => {
    const toBeSigned = build();
    const fields = readDer(toBeSigned).enter(tags.sequence);
    fields.any();
    for (const tag of [tags.integer, tags.sequence, tags.sequence]) fields.next(tag);
    // The first UTCTime of the validity, read as another string type.
    const at = fields.next(tags.sequence).content.byteOffset - toBeSigned.byteOffset;
    const changed = Uint8Array.from(toBeSigned);
    changed[at] = tags.generalizedTime;
    expect(rulesOf(changed)).toEqual(['encoding']);
    const late = issue('Late root', { notAfter: Date.parse('2080-01-01T00:00:00Z') });
    const after2050 = buildFor(
      'late',
      { by: late, notAfter: Date.parse('2060-01-01T00:00:00Z'), extensions: good },
      key,
    );
    expect(lintCertificate(after2050, { issuer: late.certificate, now })).toEqual([]);
  });

  it('is checked below authorities with every kind of key', () => {
    for (const algorithm of ['ES384', 'EdDSA', 'RS256', 'PS256'] as const) {
      const top = issue(`Root ${algorithm}`, { algorithm, notAfter: now + 400 * day });
      const middle = issue(`Issuing ${algorithm}`, {
        by: top,
        algorithm,
        notAfter: now + 200 * day,
        extensions: { ...authorityExtensions, certificatePolicies: [policy] },
      });
      const rehearsal = createIssuanceCheck([middle.certificate, top.certificate]);
      const toBeSigned = buildFor('leaf', { by: middle, notAfter: now + day, extensions: good }, key);
      expect(rehearsal.findFaults(toBeSigned, now), algorithm).toEqual([]);
    }
  });

  it('returns findings, not exceptions, for any changed octet', () => {
    const toBeSigned = build();
    fc.assert(
      fc.property(fc.nat(toBeSigned.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const changed = Uint8Array.from(toBeSigned);
        changed[at] = (changed[at] ?? 0) ^ mask;
        expect(Array.isArray(check.findFaults(changed, now))).toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
        expect(rulesOf(octets)).toEqual(['encoding']);
      }),
    );
  });
});
