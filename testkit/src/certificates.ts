import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { bitString, element, integer, objectIdentifier, sequence, time } from './der.ts';

/** One attribute of a name. `stringType` is UTF8String by default; `value` is then text in UTF-8. */
export interface TestAttribute {
  /** `CN`, `O`, `OU`, `C`, `L`, `ST`, `DC`, `UID`, `serialNumber`, `emailAddress`, or an object identifier. */
  readonly type: string;
  readonly value: string;
  readonly stringType?: 'utf8' | 'printable' | 'ia5' | 'bmp' | 'teletex';
}

export interface TestCertificateOptions {
  /**
   * As in RFC 4514, most specific first: `CN=desk,O=Example`; split at every comma, without escapes. Or the
   * relative names in the order in which they are encoded, most general first, each of one or more attributes.
   */
  readonly subject: string | readonly (readonly TestAttribute[])[];
  readonly sans?: {
    readonly dns?: readonly string[];
    readonly uri?: readonly string[];
    readonly ip?: readonly string[];
    readonly email?: readonly string[];
  };
  /** 2020 by default. */
  readonly notBefore?: Date;
  /** The end of 2049 by default. */
  readonly notAfter?: Date;
  /** `ES256` (P-256) by default; `PS256` is an RSA key of 2048 bits. */
  readonly keyAlgorithm?: 'ES256' | 'EdDSA' | 'PS256';
  /** For this key instead of a new one, as for a renewed certificate. PKCS #8. */
  readonly privateKeyPem?: string;
}

export interface TestCertificate {
  readonly certificatePem: string;
  /** PKCS #8. */
  readonly privateKeyPem: string;
  readonly der: Buffer;
  /** `x5t#S256`: SHA-256 over the DER, base64url. */
  readonly thumbprint: string;
}

export interface TestAuthority {
  readonly certificatePem: string;
  readonly der: Buffer;
  /** Issues a certificate for clients and servers; with `selfSigned` one signed by its own key. */
  issue(options: TestCertificateOptions & { readonly selfSigned?: boolean }): TestCertificate;
}

/** A temporary certificate authority for a test. */
export function createTestAuthority({ name }: { readonly name: string }): TestAuthority {
  const subject = [[{ type: 'CN', value: name }]];
  const key = generateKey('ES256');
  const der = certify({ subject }, key, { name: subject, key }, authorityExtensions());
  return {
    certificatePem: pem(der),
    der,
    issue({ selfSigned, ...options }) {
      return selfSigned === true ? createSelfSigned(options) : issueFor(options, { name: subject, key });
    },
  };
}

export function createSelfSigned(options: TestCertificateOptions): TestCertificate {
  return issueFor(options);
}

interface Issuer {
  readonly name: readonly (readonly TestAttribute[])[];
  readonly key: KeyObject;
}

function issueFor(options: TestCertificateOptions, issuer?: Issuer): TestCertificate {
  const key =
    options.privateKeyPem === undefined ? generateKey(options.keyAlgorithm) : createPrivateKey(options.privateKeyPem);
  const own = { name: relativeNames(options.subject), key };
  const der = certify(options, key, issuer ?? own, leafExtensions(options.sans));
  return {
    certificatePem: pem(der),
    privateKeyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    der,
    thumbprint: createHash('sha256').update(der).digest('base64url'),
  };
}

function certify(
  { subject, notBefore, notAfter }: TestCertificateOptions,
  key: KeyObject,
  issuer: Issuer,
  extensions: Buffer,
): Buffer {
  const algorithm = signatureAlgorithm(issuer.key);
  const toBeSigned = sequence(
    element(0xa0, integer(Buffer.from([2]))),
    // A positive number without leading zeros, whatever the random bytes.
    integer(Buffer.concat([Buffer.from([0x40]), randomBytes(15)])),
    algorithm,
    encodeName(issuer.name),
    sequence(time(notBefore ?? new Date('2020-01-01T00:00:00Z')), time(notAfter ?? new Date('2049-12-31T00:00:00Z'))),
    encodeName(relativeNames(subject)),
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    element(0xa3, extensions),
  );
  const digest = issuer.key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  return sequence(toBeSigned, algorithm, bitString(sign(digest, toBeSigned, issuer.key)));
}

function signatureAlgorithm(key: KeyObject): Buffer {
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return sequence(objectIdentifier('1.3.101.112'));
    case 'rsa':
      return sequence(objectIdentifier('1.2.840.113549.1.1.11'), element(0x05));
    default:
      return sequence(objectIdentifier('1.2.840.10045.4.3.2'));
  }
}

function generateKey(algorithm: TestCertificateOptions['keyAlgorithm'] = 'ES256'): KeyObject {
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519').privateKey;
  if (algorithm === 'PS256') return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

const attributeTypes: Readonly<Record<string, string>> = {
  CN: '2.5.4.3',
  C: '2.5.4.6',
  L: '2.5.4.7',
  ST: '2.5.4.8',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  serialNumber: '2.5.4.5',
  DC: '0.9.2342.19200300.100.1.25',
  UID: '0.9.2342.19200300.100.1.1',
  emailAddress: '1.2.840.113549.1.9.1',
};

const stringTags = { utf8: 0x0c, printable: 0x13, ia5: 0x16, bmp: 0x1e, teletex: 0x14 } as const;

function relativeNames(subject: TestCertificateOptions['subject']): readonly (readonly TestAttribute[])[] {
  if (typeof subject !== 'string') return subject;
  return subject
    .split(',')
    .map((part) => {
      const equals = part.indexOf('=');
      return [{ type: part.slice(0, equals).trim(), value: part.slice(equals + 1).trim() }];
    })
    .reverse();
}

function encodeName(names: readonly (readonly TestAttribute[])[]): Buffer {
  return sequence(...names.map((attributes) => element(0x31, ...attributes.map(encodeAttribute).sort(Buffer.compare))));
}

function encodeAttribute({ type, value, stringType = 'utf8' }: TestAttribute): Buffer {
  const text =
    stringType === 'bmp'
      ? Buffer.from(value, 'utf16le').swap16()
      : Buffer.from(value, stringType === 'utf8' ? 'utf8' : 'latin1');
  return sequence(objectIdentifier(attributeTypes[type] ?? type), element(stringTags[stringType], text));
}

const yes = element(0x01, Buffer.from([0xff]));

function authorityExtensions(): Buffer {
  return sequence(
    extension('2.5.29.19', sequence(yes), 'critical'),
    // keyCertSign and cRLSign.
    extension('2.5.29.15', bitString(Buffer.from([0x06]), 1), 'critical'),
  );
}

function leafExtensions(sans: TestCertificateOptions['sans']): Buffer {
  const names = [
    ...(sans?.email ?? []).map((name) => element(0x81, Buffer.from(name, 'latin1'))),
    ...(sans?.dns ?? []).map((name) => element(0x82, Buffer.from(name, 'latin1'))),
    ...(sans?.uri ?? []).map((name) => element(0x86, Buffer.from(name, 'latin1'))),
    ...(sans?.ip ?? []).map((name) => element(0x87, addressBytes(name))),
  ];
  return sequence(
    extension('2.5.29.19', sequence(), 'critical'),
    // clientAuth and serverAuth.
    extension('2.5.29.37', sequence(objectIdentifier('1.3.6.1.5.5.7.3.2'), objectIdentifier('1.3.6.1.5.5.7.3.1'))),
    ...(names.length === 0 ? [] : [extension('2.5.29.17', sequence(...names))]),
  );
}

function extension(identifier: string, value: Buffer, critical?: 'critical'): Buffer {
  return sequence(objectIdentifier(identifier), ...(critical === undefined ? [] : [yes]), element(0x04, value));
}

/** IPv4, or IPv6 with at most one run of zeros left out. */
function addressBytes(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  const [left = [], right = []] = address.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const groups = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
