import { createSelfSigned, type TestCertificateOptions } from '@countersign/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCertificate } from './certificate.ts';
import {
  type CertificateName,
  canonicalName,
  canonicalNamesOf,
  checkCertificateName,
  matchesName,
} from './certificate-name.ts';
import { rfc8705Certificate, rfc9440Certificate } from './testing/certificates.ts';

function certificateWith(options: Partial<TestCertificateOptions>) {
  return readCertificate(createSelfSigned({ subject: 'CN=desk', ...options }).der);
}

const nested: TestCertificateOptions['subject'] = [
  [{ type: 'C', value: 'DE', stringType: 'printable' }],
  [{ type: 'O', value: 'Müller & Söhne, AG' }],
  [
    { type: 'OU', value: 'Sales' },
    { type: 'CN', value: 'J. Smith', stringType: 'teletex' },
  ],
];

describe('the subject of a certificate', () => {
  it.each([
    ['as written', 'CN=desk,OU=Trading,O=Example', 'CN=desk,OU=Trading,O=Example'],
    ['in another case', 'CN=DESK,ou=trading,O=EXAMPLE', 'CN=desk,OU=Trading,O=Example'],
    ['with spaces around the separators', 'CN = desk , OU=Trading, O=Example', 'CN=desk,OU=Trading,O=Example'],
    ['with runs of spaces', 'CN=trading   desk', 'CN=trading desk'],
    ['with types as object identifiers', '2.5.4.3=desk,2.5.4.10=Example', 'CN=desk,O=Example'],
    ['with its value as an encoding', 'CN=#0c046465736b', 'CN=desk'],
    ['with its value as an encoding of another string type', 'CN=#13046465736b', 'CN=desk'],
    ['with unnecessary escapes', 'CN=\\64es\\6B', 'CN=desk'],
  ])('matches a name %s', (_, value, subject) => {
    expect(matchesName(certificateWith({ subject }), { kind: 'subject_dn', value })).toBe(true);
  });

  it.each([
    ['a comma, and letters beyond ASCII', 'OU=Sales+CN=J. Smith,O=Müller & Söhne\\, AG,C=DE'],
    ['its octets one by one', 'OU=Sales+CN=J. Smith,O=M\\C3\\BCller & S\\C3\\b6hne\\2c AG,C=DE'],
    ['the attributes of a relative name in another order', 'CN=J. Smith+OU=Sales,O=Müller & Söhne\\, AG,C=DE'],
  ])('matches whatever its string types are, with %s', (_, value) => {
    expect(matchesName(certificateWith({ subject: nested }), { kind: 'subject_dn', value })).toBe(true);
  });

  it.each([
    ['in the other order', 'O=Example,OU=Trading,CN=desk'],
    ['without its most general part', 'CN=desk,OU=Trading'],
    ['without its most specific part', 'OU=Trading,O=Example'],
    ['with one part more', 'CN=desk,OU=Trading,O=Example,C=DE'],
    ['with two parts joined into one', 'CN=desk+OU=Trading,O=Example'],
    ['with another value', 'CN=desk2,OU=Trading,O=Example'],
    ['with another type', 'UID=desk,OU=Trading,O=Example'],
    ['with a part twice', 'CN=desk,CN=desk,OU=Trading,O=Example'],
    ['as one value', 'CN=desk\\,OU\\=Trading\\,O\\=Example'],
  ])('does not match a name %s', (_, value) => {
    const certificate = certificateWith({ subject: 'CN=desk,OU=Trading,O=Example' });
    expect(matchesName(certificate, { kind: 'subject_dn', value })).toBe(false);
  });

  it('gains no component from a value that looks like one', () => {
    for (const value of ['desk,O=Bank', 'desk+O=Bank', 'desk\nO=Bank']) {
      const certificate = certificateWith({ subject: [[{ type: 'CN', value }]] });
      for (const name of ['CN=desk,O=Bank', 'O=Bank,CN=desk', 'CN=desk+O=Bank', 'CN=desk'])
        expect(matchesName(certificate, { kind: 'subject_dn', value: name })).toBe(false);
    }
  });

  it('with an invisible character matches nothing, not even itself', () => {
    for (const hidden of ['desk\0', 'de\u200bsk', 'desk\u202e', 'desk\r']) {
      const certificate = certificateWith({ subject: [[{ type: 'CN', value: hidden }]] });
      for (const value of ['CN=desk', `CN=${hidden}`, 'CN=desk\\00'])
        expect(matchesName(certificate, { kind: 'subject_dn', value })).toBe(false);
    }
  });

  it('that is empty matches nothing', () => {
    const certificate = certificateWith({ subject: [] });
    expect(matchesName(certificate, { kind: 'subject_dn', value: '' })).toBe(false);
    expect(matchesName(certificate, { kind: 'subject_dn', value: 'CN=' })).toBe(false);
  });

  it('is compared exactly if its type is unknown', () => {
    const certificate = certificateWith({ subject: [[{ type: '1.3.6.1.4.1.99999.1', value: 'Desk' }]] });
    const matches = (value: string) => matchesName(certificate, { kind: 'subject_dn', value });
    expect(matches('1.3.6.1.4.1.99999.1=Desk')).toBe(true);
    expect(matches('1.3.6.1.4.1.99999.1=#0c044465736b')).toBe(true);
    expect(matches('1.3.6.1.4.1.99999.1=desk')).toBe(false);
    expect(matches('1.3.6.1.4.1.99999.2=Desk')).toBe(false);
  });

  it('in UTF-16 matches the same text', () => {
    const certificate = certificateWith({ subject: [[{ type: 'CN', value: 'Lučić', stringType: 'bmp' }]] });
    expect(matchesName(certificate, { kind: 'subject_dn', value: 'CN=Lu\\C4\\8Di\\C4\\87' })).toBe(true);
  });

  it('of the examples in RFC 8705 and RFC 9440 matches', () => {
    expect(matchesName(readCertificate(rfc8705Certificate.der), { kind: 'subject_dn', value: 'CN=mtls' })).toBe(true);
    expect(matchesName(readCertificate(rfc9440Certificate), { kind: 'subject_dn', value: 'CN=BC' })).toBe(true);
  });

  it('matches its own escaped name and no other', () => {
    const value = fc
      .string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 8 })
      .filter((text) => text.trim() !== '');
    fc.assert(
      fc.property(value, value, (one, other) => {
        const certificate = certificateWith({ subject: [[{ type: '1.2.3.4', value: one }]] });
        const matches = (text: string) =>
          matchesName(certificate, { kind: 'subject_dn', value: `1.2.3.4=${escaped(text)}` });
        expect(matches(one)).toBe(true);
        expect(matches(other)).toBe(one === other);
      }),
      { numRuns: 50 },
    );
  });
});

describe('an alternative name of a certificate', () => {
  const certificate = certificateWith({
    sans: {
      dns: ['Desk.Example', '*.wild.example'],
      uri: ['https://desk.example/Client'],
      ip: ['192.0.2.1', '2001:db8::10'],
      email: ['Desk@Example.ORG'],
    },
  });

  it.each<[CertificateName['kind'], string]>([
    ['san_dns', 'desk.example'],
    ['san_dns', 'DESK.EXAMPLE'],
    ['san_uri', 'https://desk.example/Client'],
    ['san_ip', '192.0.2.1'],
    ['san_ip', '2001:db8::10'],
    ['san_ip', '2001:0DB8:0:0:0:0:0:0010'],
    ['san_ip', '2001:db8::0.0.0.16'],
    ['san_email', 'Desk@example.org'],
  ])('matches the %s %s', (kind, value) => {
    expect(matchesName(certificate, { kind, value })).toBe(true);
    expect(() => checkCertificateName({ kind, value })).not.toThrow();
  });

  it.each<[CertificateName['kind'], string]>([
    ['san_dns', 'other.example'],
    ['san_dns', 'x.desk.example'],
    ['san_dns', 'example'],
    ['san_dns', 'any.wild.example'],
    ['san_uri', 'https://desk.example/client'],
    ['san_uri', 'https://DESK.example/Client'],
    ['san_uri', 'https://desk.example/Client/'],
    ['san_ip', '192.0.2.10'],
    ['san_ip', '::fffe:192.0.2.1'],
    ['san_ip', '2001:db8::1'],
    ['san_email', 'desk@example.org'],
    ['san_email', 'other@example.org'],
  ])('does not match the %s %s', (kind, value) => {
    expect(matchesName(certificate, { kind, value })).toBe(false);
  });

  it.each<[CertificateName['kind'], string]>([
    ['subject_dn', ''],
    ['subject_dn', 'desk'],
    ['subject_dn', 'CN='],
    ['subject_dn', 'CN=desk,'],
    ['subject_dn', ',CN=desk'],
    ['subject_dn', 'CN=desk;O=Example'],
    ['subject_dn', 'CN="desk"'],
    ['subject_dn', 'CN=desk\\'],
    ['subject_dn', 'CN=desk\\x'],
    ['subject_dn', 'CN=\\C3'],
    ['subject_dn', 'CN=#'],
    ['subject_dn', 'CN=#0c0464657'],
    ['subject_dn', 'CN=#0c05646573'],
    ['subject_dn', 'CN=#0c046465736b00'],
    ['subject_dn', 'CN=#0c046465736bx'],
    ['subject_dn', '/CN=desk/O=Example'],
    ['subject_dn', 'nonsense=desk'],
    ['subject_dn', `CN=${'x'.repeat(2_048)}`],
    ['san_dns', ''],
    ['san_dns', '*.wild.example'],
    ['san_dns', 'desk.example.'],
    ['san_dns', 'desk..example'],
    ['san_dns', 'dësk.example'],
    ['san_dns', 'desk.example\0.evil.example'],
    ['san_dns', `${'x'.repeat(64)}.example`],
    ['san_uri', 'desk.example'],
    ['san_uri', 'https://desk.example/ Client'],
    ['san_ip', '192.0.2'],
    ['san_ip', '192.0.2.1.1'],
    ['san_ip', '192.0.2.256'],
    ['san_ip', '192.0.2.01'],
    ['san_ip', '0xc0000201'],
    ['san_ip', '2001:db8'],
    ['san_ip', '2001:db8::1::2'],
    ['san_ip', 'fe80::1%eth0'],
    ['san_ip', '[2001:db8::10]'],
    ['san_email', 'example.org'],
    ['san_email', '@example.org'],
    ['san_email', 'desk@'],
    ['san_email', 'de sk@example.org'],
  ])('is never the %s %j, which cannot be registered', (kind, value) => {
    expect(() => checkCertificateName({ kind, value })).toThrow(
      expect.objectContaining({ code: 'certificate_name_malformed', category: 'invalid' }),
    );
    expect(matchesName(certificate, { kind, value })).toBe(false);
  });

  it('with a NUL or a line break in it belongs to nobody', () => {
    const forged = certificateWith({
      sans: { dns: ['desk.example\0.evil.example', 'desk.example\n'], uri: ['urn:desk\0x'], email: ['a@b.example\0'] },
    });
    for (const [kind, value] of [
      ['san_dns', 'desk.example'],
      ['san_uri', 'urn:desk'],
      ['san_email', 'a@b.example'],
    ] as const)
      expect(matchesName(forged, { kind, value })).toBe(false);
    expect(forged.names).toMatchObject({ dns: [], uris: [], emails: [] });
  });

  it('of one kind is not one of another', () => {
    const named = certificateWith({
      subject: 'CN=desk.example',
      sans: { dns: ['192.0.2.7'], uri: ['urn:a@b.example'] },
    });
    expect(matchesName(named, { kind: 'san_dns', value: 'desk.example' })).toBe(false);
    expect(matchesName(named, { kind: 'san_ip', value: '192.0.2.7' })).toBe(false);
    expect(matchesName(named, { kind: 'san_email', value: 'a@b.example' })).toBe(false);
  });

  it('or subject with arbitrary text matches nothing by accident and never throws', () => {
    const kind = fc.constantFrom<CertificateName['kind']>('subject_dn', 'san_dns', 'san_uri', 'san_ip', 'san_email');
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string().map((tail) => `CN=${tail}`),
    );
    fc.assert(
      fc.property(kind, text, (kind, value) => {
        expect(matchesName(certificate, { kind, value })).toBe(kind === 'subject_dn' && /^cn= *desk *$/i.test(value));
      }),
      { numRuns: 500 },
    );
  });
});

/** RFC 4514 section 2.4, escapes every character that may be escaped. */
function escaped(text: string): string {
  return text.replaceAll(/[ "#+,;<=>\\]/g, '\\$&');
}

describe('the canonical form of a name', () => {
  const canonical = (kind: CertificateName['kind'], value: string) => canonicalName({ kind, value });

  it.each<[CertificateName['kind'], string, readonly string[]]>([
    [
      'subject_dn',
      'CN=desk,O=Example',
      [
        'cn=Desk, o=EXAMPLE',
        'commonName=desk,organizationName=Example',
        '2.5.4.3=desk,2.5.4.10=Example',
        'CN=\uff44\uff45\uff53\uff4b,O=Example',
        'CN=\\64\\65sk,O=Example',
        'CN=#0c046465736b,O=Example',
      ],
    ],
    ['subject_dn', 'OU=Sales+CN=desk,O=Example', ['CN=desk+OU=Sales,O=Example']],
    ['san_ip', '192.0.2.1', ['::ffff:192.0.2.1', '::FFFF:c000:201', '0:0:0:0:0:ffff:192.0.2.1']],
    ['san_ip', '2001:db8::1', ['2001:DB8:0:0:0:0:0:1', '2001:0db8::0001', '2001:db8::0.0.0.1']],
    ['san_dns', 'desk.example', ['DESK.Example']],
    ['san_email', 'desk@mail.example', ['desk@MAIL.example']],
  ])('is the same for every spelling of a %s: %s', (kind, value, spellings) => {
    for (const spelling of spellings) expect(canonical(kind, spelling)).toBe(canonical(kind, value));
  });

  it('differs for another name, and for a name of another kind', () => {
    expect(canonical('san_dns', 'desk.example')).not.toBe(canonical('san_uri', 'desk:example'));
    expect(canonical('san_ip', '192.0.2.1')).not.toBe(canonical('san_ip', '192.0.2.2'));
    expect(canonical('subject_dn', 'CN=desk')).not.toBe(canonical('subject_dn', 'CN=desk2'));
    expect(canonical('san_ip', 'not an address')).toBeUndefined();
  });

  it('is what a certificate is compared by, under each of its names', () => {
    const certificate = certificateWith({
      subject: 'CN=Desk,O=Example',
      sans: { dns: ['Desk.Example'], ip: ['192.0.2.1'], email: ['desk@Mail.example'] },
    });
    expect([...canonicalNamesOf(certificate)].sort()).toEqual(
      [
        canonical('subject_dn', 'commonName=desk,O=example'),
        canonical('san_dns', 'desk.example'),
        canonical('san_ip', '::ffff:192.0.2.1'),
        canonical('san_email', 'desk@mail.example'),
      ].sort(),
    );
  });
});
