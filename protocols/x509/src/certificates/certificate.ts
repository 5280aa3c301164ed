import { isCodedError } from '@countersign/kernel';
import { type AlgorithmIdentifier, readAlgorithmIdentifier } from '../algorithms.ts';
import { type DerElement, type DerReader, readDer, readDerSequence } from '../der/der-reader.ts';
import { readCertificateTime } from '../der/der-time.ts';
import { integerContent, readBitOctets, readBoolean, readObjectIdentifier } from '../der/read-values.ts';
import { contextConstructed, contextPrimitive, tags } from '../der/tags.ts';
import { malformedDer, x509Errors } from '../errors.ts';
import { sameOctets } from '../octets.ts';

/** Longest certificate that is read, in octets. */
export const maxCertificateOctets = 16_384;
const maxExtensions = 64;

export interface CertificateExtension {
  readonly critical: boolean;
  /** The encoding inside the OCTET STRING. */
  readonly value: Uint8Array;
}

/** What a certificate says (RFC 5280 section 4.1). Nothing is said about who vouches for it. */
export interface ParsedCertificate {
  /** All of it. */
  readonly encoding: Uint8Array;
  /** What was signed, and how. */
  readonly toBeSigned: Uint8Array;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
  /** Content of the INTEGER. */
  readonly serial: Uint8Array;
  /** Encodings of the names, which are compared octet by octet. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Milliseconds since the epoch; the last second counts in full. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** DER of the SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  /** By object identifier; each stands once. */
  readonly extensions: ReadonlyMap<string, CertificateExtension>;
}

/**
 * Reads one certificate and nothing after it.
 *
 * @throws CodedError `certificate_malformed`
 */
export function readX509Certificate(der: Uint8Array): ParsedCertificate {
  if (der.length > maxCertificateOctets)
    throw x509Errors.error('certificate_malformed', `A certificate is longer than ${maxCertificateOctets} octets.`);
  try {
    return read(der);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    throw x509Errors.error('certificate_malformed', `A certificate cannot be read. ${error.detail}`, { cause: error });
  }
}

function read(encoding: Uint8Array): ParsedCertificate {
  const certificate = readDerSequence(encoding);
  const toBeSigned = certificate.next(tags.sequence);
  const algorithm = certificate.next(tags.sequence);
  const signature = readBitOctets(certificate.next(tags.bitString));
  certificate.end();

  const fields = readDer(toBeSigned.content);
  fields.optional(contextConstructed(0));
  const serial = integerContent(fields.next(tags.integer));
  const innerAlgorithm = fields.next(tags.sequence);
  // RFC 5280 section 4.1.1.2: the algorithm that is signed over is the one beside the signature.
  if (!sameOctets(innerAlgorithm.encoding, algorithm.encoding))
    throw malformedDer('two signature algorithms that differ');
  const issuer = fields.next(tags.sequence).encoding;
  const validity = fields.enter(tags.sequence);
  const notBefore = readCertificateTime(validity.any());
  const notAfter = readCertificateTime(validity.any()) + 999;
  validity.end();
  const subject = fields.next(tags.sequence).encoding;
  const publicKey = fields.next(tags.sequence).encoding;
  fields.optional(contextPrimitive(1));
  fields.optional(contextPrimitive(2));
  const extensions = readExtensions(fields.enterOptional(contextConstructed(3)));
  fields.end();
  return {
    encoding,
    toBeSigned: toBeSigned.encoding,
    signatureAlgorithm: readAlgorithmIdentifier(readDer(algorithm.content)),
    signature,
    serial,
    issuer,
    subject,
    notBefore,
    notAfter,
    publicKey,
    extensions,
  };
}

function readExtensions(wrapper: DerReader | undefined): ReadonlyMap<string, CertificateExtension> {
  const extensions = new Map<string, CertificateExtension>();
  if (wrapper === undefined) return extensions;
  const list = wrapper.enter(tags.sequence);
  wrapper.end();
  while (!list.done) {
    const extension = list.enter(tags.sequence);
    const id = readObjectIdentifier(extension.next(tags.objectIdentifier));
    const critical: DerElement | undefined = extension.optional(tags.boolean);
    const value = extension.next(tags.octetString).content;
    extension.end();
    // RFC 5280 section 4.2: an extension stands once; of two, each reader could see another.
    if (extensions.has(id) || extensions.size === maxExtensions)
      throw malformedDer(`extension ${id} twice, or too many`);
    extensions.set(id, { critical: critical !== undefined && readBoolean(critical), value });
  }
  return extensions;
}

/** Of one name for issuer and subject, as when an authority changes its key (RFC 5280 section 6.1). */
export function isSelfIssued({ issuer, subject }: ParsedCertificate): boolean {
  return sameOctets(issuer, subject);
}
