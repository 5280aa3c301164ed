import { constants, createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readX509Certificate } from '../certificates/certificate.ts';
import {
  contextConstructed,
  derBitString,
  derBoolean,
  derCertificateTime,
  derElement,
  derInteger,
  derNamedBits,
  derNull,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  derSetOf,
  derUtf8,
  tags,
} from '../der/index.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { encodeTimeStampInfo, type NewTimeStampInfo } from '../time-stamp/time-stamp-info.ts';

/** A time at which all test certificates are valid. */
export const testTime = Date.parse('2026-11-21T09:30:00.125Z');
const year = 365 * 24 * 3_600_000;

export const keyKinds = ['p256', 'p384', 'rsa', 'rsa-pss', 'ed25519'] as const;
export type KeyKind = (typeof keyKinds)[number];

/** Keys that must be refused. */
type WeakKind = 'rsa-1024' | 'p192' | 'dsa';

export interface TestCertificateOptions {
  readonly name?: string;
  /** DER of the subject, instead of a name. */
  readonly subject?: Uint8Array;
  /** DER of the alternative names, valid or not. */
  readonly alternativeNames?: Uint8Array;
  /** An additional extension: object identifier and DER of the value. */
  readonly extension?: readonly [id: string, value: Uint8Array];
  readonly kind?: KeyKind | WeakKind;
  readonly issuer?: TestCertificate;
  readonly authority?: boolean;
  readonly pathLength?: number;
  readonly keyUsage?: readonly number[];
  /** Undefined: time stamping, critical. Null: no extension. */
  readonly extendedKeyUsage?: { readonly critical: boolean; readonly purposes: readonly string[] } | null;
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly unknownCriticalExtension?: boolean;
}

/** A certificate with its private key. */
export interface TestCertificate {
  readonly certificate: Uint8Array;
  readonly privateKey: KeyObject;
  readonly kind: KeyKind | WeakKind;
}

let serials = 1n;

/** Issues a test certificate, valid or not. Default: self-signed, for time stamping. */
export function issueCertificate(options: TestCertificateOptions = {}): TestCertificate {
  const { kind = 'p256', authority = false } = options;
  const { publicKey, privateKey } = generate(kind);
  const name = options.subject ?? nameOf(options.name ?? `Authority ${++serials}`);
  const issuer = options.issuer;
  const signer = issuer ?? { privateKey, kind };
  const usage = options.extendedKeyUsage === undefined ? defaultUsage(authority) : options.extendedKeyUsage;
  const extensions = [
    extension(oid.basicConstraints, true, basicConstraints(authority, options.pathLength)),
    ...(options.keyUsage === undefined ? [] : [extension(oid.keyUsage, true, derNamedBits(options.keyUsage))]),
    ...(usage === null
      ? []
      : [extension(oid.extendedKeyUsage, usage.critical, derSequence(...usage.purposes.map(derObjectIdentifier)))]),
    ...(options.alternativeNames === undefined ? [] : [extension(oid.subjectAltName, false, options.alternativeNames)]),
    ...(options.extension === undefined ? [] : [extension(options.extension[0], false, options.extension[1])]),
    ...(options.unknownCriticalExtension === true ? [extension('1.2.3.4', true, derNull())] : []),
  ];
  const toBeSigned = derSequence(
    derElement(contextConstructed(0), derInteger(2)),
    derInteger(++serials),
    signatureAlgorithm(signer.kind),
    issuer === undefined ? name : readX509Certificate(issuer.certificate).subject,
    derSequence(
      derCertificateTime(options.notBefore ?? testTime - year),
      derCertificateTime(options.notAfter ?? testTime + year),
    ),
    name,
    publicKey.export({ format: 'der', type: 'spki' }),
    derElement(contextConstructed(3), derSequence(...extensions)),
  );
  const signature = derBitString(signWith(signer, toBeSigned));
  return {
    certificate: derSequence(toBeSigned, signatureAlgorithm(signer.kind), signature),
    privateKey,
    kind,
  };
}

export interface TestTokenOptions {
  readonly info?: Partial<NewTimeStampInfo>;
  /** Instead of the content type in the signed attributes. */
  readonly contentType?: string;
  /** Instead of the digest of the content. */
  readonly messageDigest?: Uint8Array;
  /** The signing certificate attribute: RFC 5035, RFC 2634, none, or naming another certificate. */
  readonly signingCertificate?: 'v2' | 'v1' | 'none' | { readonly of: Uint8Array };
  readonly certificates?: readonly Uint8Array[];
  readonly signatures?: number;
  readonly digestAlgorithm?: string;
  readonly signatureAlgorithm?: Uint8Array;
  readonly attributesTwice?: boolean;
}

export const testDigest = Uint8Array.from(createHash('sha256').update('stamped content').digest());

/** Issues a test token, valid or not. Default: valid. */
export function issueToken(authority: TestCertificate, options: TestTokenOptions = {}): Uint8Array {
  const info = encodeTimeStampInfo({
    policy: '1.3.6.1.4.1.99999.1',
    imprint: { hash: 'sha256', digest: testDigest },
    serial: 4711n,
    at: testTime,
    ...options.info,
  });
  const { issuer, serial } = readX509Certificate(authority.certificate);
  const digestAlgorithm = derSequence(derObjectIdentifier(options.digestAlgorithm ?? oid.sha256));
  const once = [
    attribute(oid.contentType, derObjectIdentifier(options.contentType ?? oid.tstInfo)),
    attribute(oid.messageDigest, derOctetString(options.messageDigest ?? createHash('sha256').update(info).digest())),
    ...signingCertificate(authority.certificate, options.signingCertificate ?? 'v2'),
  ];
  const attributes = options.attributesTwice === true ? [...once, ...once] : once;
  const signerInfo = derSequence(
    derInteger(1),
    derSequence(issuer, derElement(tags.integer, serial)),
    digestAlgorithm,
    derSetOf(contextConstructed(0), attributes),
    options.signatureAlgorithm ?? signatureAlgorithm(authority.kind),
    derOctetString(signWith(authority, derSetOf(tags.set, attributes))),
  );
  const certificates = options.certificates ?? [authority.certificate];
  const signedData = derSequence(
    derInteger(3),
    derSetOf(tags.set, [digestAlgorithm]),
    derSequence(derObjectIdentifier(oid.tstInfo), derElement(contextConstructed(0), derOctetString(info))),
    ...(certificates.length === 0 ? [] : [derSetOf(contextConstructed(0), certificates)]),
    derSetOf(
      tags.set,
      Array.from({ length: options.signatures ?? 1 }, () => signerInfo),
    ),
  );
  return derSequence(derObjectIdentifier(oid.signedData), derElement(contextConstructed(0), signedData));
}

function signingCertificate(own: Uint8Array, which: NonNullable<TestTokenOptions['signingCertificate']>): Uint8Array[] {
  if (which === 'none') return [];
  const of = typeof which === 'object' ? which.of : own;
  const [type, hash] = which === 'v1' ? [oid.signingCertificate, 'sha1'] : [oid.signingCertificateV2, 'sha256'];
  const digest = derOctetString(createHash(hash).update(of).digest());
  return [attribute(type, derSequence(derSequence(derSequence(digest))))];
}

const attribute = (type: string, value: Uint8Array): Uint8Array =>
  derSequence(derObjectIdentifier(type), derSetOf(tags.set, [value]));

const extension = (id: string, critical: boolean, value: Uint8Array): Uint8Array =>
  derSequence(derObjectIdentifier(id), ...(critical ? [derBoolean(true)] : []), derOctetString(value));

function basicConstraints(authority: boolean, pathLength: number | undefined): Uint8Array {
  return derSequence(
    ...(authority ? [derBoolean(true)] : []),
    ...(pathLength === undefined ? [] : [derInteger(pathLength)]),
  );
}

const defaultUsage = (authority: boolean) => (authority ? null : { critical: true, purposes: [oid.timeStamping] });

function nameOf(text: string): Uint8Array {
  return derSequence(derSetOf(tags.set, [derSequence(derObjectIdentifier(oid.commonName), derUtf8(text))]));
}

function generate(kind: TestCertificate['kind']): { publicKey: KeyObject; privateKey: KeyObject } {
  switch (kind) {
    case 'p256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'p384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' });
    case 'ed25519':
      return generateKeyPairSync('ed25519');
    case 'rsa-1024':
      return generateKeyPairSync('rsa', { modulusLength: 1024 });
    case 'p192':
      return generateKeyPairSync('ec', { namedCurve: 'prime192v1' });
    case 'dsa':
      return generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 });
    case 'rsa':
    case 'rsa-pss':
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
  }
}

function signWith({ privateKey, kind }: Pick<TestCertificate, 'privateKey' | 'kind'>, octets: Uint8Array): Uint8Array {
  if (kind === 'ed25519') return sign(null, octets, privateKey);
  if (kind === 'p384') return sign('sha384', octets, privateKey);
  if (kind !== 'rsa-pss') return sign('sha256', octets, privateKey);
  return sign('sha256', octets, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
}

function signatureAlgorithm(kind: TestCertificate['kind']): Uint8Array {
  switch (kind) {
    case 'p256':
    case 'p192':
      return derSequence(derObjectIdentifier(oid.ecdsaWithSha256));
    case 'dsa':
      return derSequence(derObjectIdentifier('2.16.840.1.101.3.4.3.2'));
    case 'p384':
      return derSequence(derObjectIdentifier(oid.ecdsaWithSha384));
    case 'ed25519':
      return derSequence(derObjectIdentifier(oid.ed25519));
    case 'rsa':
    case 'rsa-1024':
      return derSequence(derObjectIdentifier(oid.sha256WithRsa), derNull());
    case 'rsa-pss':
      return derSequence(derObjectIdentifier(oid.rsassaPss), pssParameters(oid.sha256));
  }
}

/** RSASSA-PSS-params with one digest for message and mask, and a salt of 32 octets. */
export function pssParameters(hash: string): Uint8Array {
  const hashAlgorithm = derSequence(derObjectIdentifier(hash), derNull());
  return derSequence(
    derElement(contextConstructed(0), hashAlgorithm),
    derElement(contextConstructed(1), derSequence(derObjectIdentifier(oid.mgf1), hashAlgorithm)),
    derElement(contextConstructed(2), derInteger(32)),
  );
}
