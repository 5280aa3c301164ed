import { X509Certificate } from 'node:crypto';
import { type Brand, createGenerations, sha256Base64Url } from '@countersign/kernel';
import { clockLeadSeconds } from './claims.ts';
import { type DerElement, readDerElements, readObjectIdentifier } from './der.ts';
import { type ComparableName, readDistinguishedName } from './distinguished-name.ts';
import { certificateErrors } from './errors.ts';
import { importVerificationKey, type Thumbprint } from './key-cache.ts';

/** Longest certificate that is looked at, in octets. */
export const maxCertificateLength = 16_384;

/** `x5t#S256`: SHA-256 over the DER of a certificate, base64url (RFC 8705 section 3.1). */
export type CertificateThumbprint = Brand<string, 'CertificateThumbprint'>;

/**
 * A certificate that was read. Nothing is said about who vouches for it: whether it chains up to an authority, or
 * is one that was registered, its user must know.
 */
export type Certificate = Brand<
  {
    readonly thumbprint: CertificateThumbprint;
    /** Hexadecimal, in small letters. Unique to its issuer alone. */
    readonly serial: string;
    /** Milliseconds since the epoch. */
    readonly notBefore: number;
    /** Milliseconds since the epoch. */
    readonly notAfter: number;
    /** RFC 7638 thumbprint of its key, when that is one we could verify signatures with. */
    readonly keyThumbprint?: Thumbprint;
    /** The names a client may be recognised by (RFC 8705 section 2.1.2); see `matchesName`. */
    readonly names: CertificateNames;
  },
  'Certificate'
>;

export interface CertificateNames {
  /** Undefined when it is empty, or holds what cannot be compared safely. */
  readonly subject: ComparableName | undefined;
  readonly dns: readonly string[];
  readonly uris: readonly string[];
  readonly emails: readonly string[];
  /** 4 or 16 octets, in hexadecimal. */
  readonly addresses: readonly string[];
}

export function certificateThumbprint(der: Uint8Array): CertificateThumbprint {
  return sha256Base64Url(der) as CertificateThumbprint;
}

/** @param thumbprint of this very DER, from who has it already: a request's certificate is then hashed once */
export type CertificateReader = (der: Uint8Array, thumbprint?: CertificateThumbprint) => Certificate;

/**
 * Reads certificates, and keeps those it has read: a client shows the same one with every request.
 *
 * @param options.maxCertificates how many are kept at least; at most twice as many
 */
export function createCertificateReader(options: { readonly maxCertificates?: number } = {}): CertificateReader {
  const known = createGenerations<CertificateThumbprint, Certificate>(options.maxCertificates ?? 1_024);
  return (der, thumbprint = certificateThumbprint(der)) => {
    if (der.length > maxCertificateLength) throw malformed(`It is longer than ${maxCertificateLength} octets.`);
    return known.get(thumbprint) ?? known.keep(thumbprint, parseCertificate(der, thumbprint));
  };
}

/**
 * Reads a certificate from its DER, strictly: exactly one, and nothing after it.
 *
 * @throws CodedError `certificate_malformed`
 */
export const readCertificate: CertificateReader = createCertificateReader();

/** Whether the certificate may be relied on at `now` (milliseconds), by a clock that may be a little behind. */
export function isInDate(certificate: Certificate, now: number): boolean {
  return certificate.notBefore <= now + clockLeadSeconds * 1000 && now <= certificate.notAfter;
}

function parseCertificate(der: Uint8Array, thumbprint: CertificateThumbprint): Certificate {
  const bytes = Buffer.from(der);
  const read = parseX509(bytes);
  const notBefore = Date.parse(read.validFrom);
  const notAfter = Date.parse(read.validTo);
  if (Number.isNaN(notBefore) || Number.isNaN(notAfter)) throw malformed('Its validity cannot be read.');
  const keyThumbprint = keyThumbprintOf(read);
  return {
    thumbprint,
    serial: read.serialNumber.toLowerCase(),
    notBefore,
    notAfter,
    ...(keyThumbprint === undefined ? {} : { keyThumbprint }),
    names: readNames(bytes),
  } as Certificate;
}

function parseX509(bytes: Buffer): X509Certificate {
  let read: X509Certificate;
  try {
    read = new X509Certificate(bytes);
  } catch (cause) {
    throw malformed('It is not an X.509 certificate.', cause);
  }
  // The reader would take PEM too, and leave alone what stands behind: one certificate must have one thumbprint.
  if (!read.raw.equals(bytes)) throw malformed('It is not the DER of one certificate.');
  return read;
}

function keyThumbprintOf(certificate: X509Certificate): Thumbprint | undefined {
  try {
    return importVerificationKey(certificate.publicKey.export({ format: 'jwk' })).thumbprint;
  } catch {
    // A certificate may hold a key of a kind that we verify nothing with; TLS has its own opinion of it.
    return undefined;
  }
}

/** RFC 5280 section 4.1: the fields of what is signed, in their order; the version is left out in old ones. */
function readNames(bytes: Buffer): CertificateNames {
  const [certificate] = readDerElements(bytes) ?? [];
  const [toBeSigned] = elementsIn(certificate);
  const fields = elementsIn(toBeSigned).filter(({ tag }) => tag !== 0xa0);
  const subject = fields[4];
  if (subject?.tag !== 0x30) throw malformed('It is not DER.');
  const alternatives = subjectAltNames(fields.find(({ tag }) => tag === 0xa3));
  const texts = (tag: number) =>
    alternatives.flatMap((name) =>
      name.tag === tag && isPrintable(name.content) ? [name.content.toString('latin1')] : [],
    );
  return {
    subject: readDistinguishedName(subject.content),
    emails: texts(0x81),
    dns: texts(0x82),
    uris: texts(0x86),
    addresses: alternatives.flatMap((name) => (name.tag === 0x87 ? [name.content.toString('hex')] : [])),
  };
}

function subjectAltNames(wrapper: DerElement | undefined): readonly DerElement[] {
  if (wrapper === undefined) return [];
  const extensions = elementsIn(elementsIn(wrapper)[0]).map((extension) => elementsIn(extension));
  const found = extensions.filter(([id]) => id?.tag === 0x06 && readObjectIdentifier(id.content) === '2.5.29.17');
  // RFC 5280 section 4.2: an extension stands once; of two, each reader could see another.
  if (found.length > 1) throw malformed('It has its alternative names twice.');
  const value = found[0]?.at(-1);
  return value === undefined ? [] : elementsIn(elementsIn(value)[0]);
}

/** No name that is compared here holds a NUL, a line break or anything beyond ASCII; one that does is nobody's. */
function isPrintable(content: Buffer): boolean {
  return content.length > 0 && content.every((octet) => octet > 0x20 && octet < 0x7f);
}

function elementsIn(element: DerElement | undefined): readonly DerElement[] {
  const elements = element === undefined ? undefined : readDerElements(element.content);
  if (elements === undefined) throw malformed('It is not DER.');
  return elements;
}

function malformed(detail: string, cause?: unknown) {
  return certificateErrors.error('certificate_malformed', `The certificate cannot be used. ${detail}`, { cause });
}
