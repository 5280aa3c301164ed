import { createPublicKey } from 'node:crypto';
import { type Brand, createGenerations, isCodedError, sha256Base64Url } from '@countersign/kernel';
import { objectIdentifiers, type ParsedCertificate, readX509Certificate } from '@countersign/x509';
import { contextPrimitive, type DerElement, readDerSequence } from '@countersign/x509/der';
import { clockLeadSeconds } from './claims.ts';
import { type ComparableName, readDistinguishedName } from './distinguished-name.ts';
import { certificateErrors } from './errors.ts';
import { importVerificationKey, type Thumbprint } from './key-cache.ts';

/** Octets. */
export const maxCertificateLength = 16_384;

/** SHA-256 over the DER, base64url (RFC 8705 section 3.1). */
export type CertificateThumbprint = Brand<string, 'CertificateThumbprint'>;

/** Parsed, not trusted: the caller checks the chain or the registration. */
export type Certificate = Brand<
  {
    readonly thumbprint: CertificateThumbprint;
    /** Lower-case hexadecimal. Unique only within its issuer. */
    readonly serial: string;
    /** Milliseconds since the epoch. */
    readonly notBefore: number;
    /** Milliseconds since the epoch. */
    readonly notAfter: number;
    /** RFC 7638; undefined for unsupported key types. */
    readonly keyThumbprint?: Thumbprint;
    /** RFC 8705 section 2.1.2; see `matchesName`. */
    readonly names: CertificateNames;
  },
  'Certificate'
>;

export interface CertificateNames {
  /** Undefined if it cannot be compared safely. */
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

/** @param thumbprint of exactly this DER, if known */
export type CertificateReader = (der: Uint8Array, thumbprint?: CertificateThumbprint) => Certificate;

/**
 * Clients present the same certificate with every request, so parsed ones are cached. @param options.maxCertificates
 * minimum kept; the maximum is twice as many
 */
export function createCertificateReader(options: { readonly maxCertificates?: number } = {}): CertificateReader {
  const known = createGenerations<CertificateThumbprint, Certificate>(options.maxCertificates ?? 1_024);
  return (der, thumbprint = certificateThumbprint(der)) => {
    if (der.length > maxCertificateLength) throw malformed(`It is longer than ${maxCertificateLength} octets.`);
    return known.get(thumbprint) ?? known.keep(thumbprint, parseCertificate(der, thumbprint));
  };
}

/** Exactly one DER certificate without trailing octets. @throws CodedError `certificate_malformed` */
export const readCertificate: CertificateReader = createCertificateReader();

/** Allows for a clock that is slightly behind. @param now milliseconds */
export function isInDate(certificate: Certificate, now: number): boolean {
  return certificate.notBefore <= now + clockLeadSeconds * 1000 && now <= certificate.notAfter;
}

function parseCertificate(der: Uint8Array, thumbprint: CertificateThumbprint): Certificate {
  try {
    const read = readX509Certificate(der);
    const keyThumbprint = keyThumbprintOf(read.publicKey);
    return {
      thumbprint,
      serial: hexOf(withoutSign(read.serial)),
      notBefore: read.notBefore,
      // The start of the last valid second, as the certificate states it.
      notAfter: Math.floor(read.notAfter / 1000) * 1000,
      ...(keyThumbprint === undefined ? {} : { keyThumbprint }),
      names: readNames(read),
    } as Certificate;
  } catch (error) {
    if (!isCodedError(error)) throw error;
    throw malformed(error.detail, error);
  }
}

function keyThumbprintOf(publicKey: Uint8Array): Thumbprint | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
    return importVerificationKey(key.export({ format: 'jwk' })).thumbprint;
  } catch {
    // TLS may still accept the certificate.
    return undefined;
  }
}

function readNames({ subject, extensions }: ParsedCertificate): CertificateNames {
  const alternatives = readAlternativeNames(extensions.get(objectIdentifiers.subjectAltName)?.value);
  const contentsOf = (number: number) =>
    alternatives.flatMap(({ tag, content }) => (tag === contextPrimitive(number) ? [content] : []));
  const texts = (number: number) =>
    contentsOf(number).flatMap((content) => (isPrintable(content) ? [Buffer.from(content).toString('latin1')] : []));
  return {
    subject: readDistinguishedName(subject),
    emails: texts(1),
    dns: texts(2),
    uris: texts(6),
    addresses: contentsOf(7).map(hexOf),
  };
}

function readAlternativeNames(extension: Uint8Array | undefined): readonly DerElement[] {
  const names: DerElement[] = [];
  if (extension === undefined) return names;
  for (const reader = readDerSequence(extension); !reader.done; ) names.push(reader.any());
  return names;
}

/** A name with NUL, line breaks or non-ASCII characters matches no client. */
function isPrintable(content: Uint8Array): boolean {
  return content.length > 0 && content.every((octet) => octet > 0x20 && octet < 0x7f);
}

/** A positive INTEGER whose first bit is set has a leading zero octet. */
function withoutSign(integer: Uint8Array): Uint8Array {
  return integer.length > 1 && integer[0] === 0 ? integer.subarray(1) : integer;
}

function hexOf(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}

function malformed(detail: string, cause?: unknown) {
  return certificateErrors.error('certificate_malformed', `The certificate cannot be used. ${detail}`, { cause });
}
