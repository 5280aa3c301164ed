import { isCodedError } from '@countersign/kernel';
import {
  contextConstructed,
  contextPrimitive,
  type DerReader,
  integerContent,
  readBitOctets,
  readBoolean,
  readCertificateTime,
  readDer,
  readDerSequence,
  readObjectIdentifier,
  tags,
} from '../der/index.ts';
import { malformedDer, x509Errors } from '../errors.ts';
import { sameOctets } from '../octets.ts';
import { type AlgorithmIdentifier, readAlgorithmIdentifier, signatureSchemeOf } from '../signatures/algorithms.ts';
import { verifySignature } from '../signatures/verify-signature.ts';

/** Maximum size of a certificate, in octets. */
export const maxCertificateOctets = 16_384;
const maxExtensions = 64;

export interface CertificateExtension {
  readonly critical: boolean;
  /** Content of the OCTET STRING. */
  readonly value: Uint8Array;
}

/** The signed part of a certificate, a revocation list or an OCSP response, with its signature. */
export interface SignedObject {
  /** The octets that were signed. */
  readonly toBeSigned: Uint8Array;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
}

/** A certificate as parsed (RFC 5280 section 4.1). Its signature is not verified and its issuer is not trusted yet. */
export interface ParsedCertificate extends SignedObject {
  /** DER of the whole certificate. */
  readonly encoding: Uint8Array;
  /** Content of the INTEGER. */
  readonly serial: Uint8Array;
  /** DER of the Name. Issuer and subject are compared octet by octet. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  /** Milliseconds since the epoch, at the end of the last valid second. */
  readonly notAfter: number;
  /** DER of the SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  /** By object identifier. */
  readonly extensions: ReadonlyMap<string, CertificateExtension>;
}

/**
 * Reads exactly one certificate.
 *
 * @throws CodedError `certificate_malformed`
 */
export function readX509Certificate(der: Uint8Array): ParsedCertificate {
  if (der.length > maxCertificateOctets)
    throw x509Errors.error('certificate_malformed', `The certificate has more than ${maxCertificateOctets} octets.`);
  try {
    return read(der);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    throw x509Errors.error('certificate_malformed', `The certificate cannot be read. ${error.detail}`, {
      cause: error,
    });
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
  // RFC 5280 section 4.1.1.2: the signed algorithm must equal the one beside the signature.
  if (!sameOctets(innerAlgorithm.encoding, algorithm.encoding))
    throw malformedDer('the two signature algorithms differ');
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
  if (wrapper === undefined) return new Map();
  const list = wrapper.enter(tags.sequence);
  wrapper.end();
  return readExtensionList(list);
}

/** Extensions by object identifier. @throws CodedError `der_malformed`, also for an extension that occurs twice */
export function readExtensionList(list: DerReader): ReadonlyMap<string, CertificateExtension> {
  const extensions = new Map<string, CertificateExtension>();
  while (!list.done) {
    const extension = list.enter(tags.sequence);
    const id = readObjectIdentifier(extension.next(tags.objectIdentifier));
    const critical = extension.optional(tags.boolean);
    const value = extension.next(tags.octetString).content;
    extension.end();
    // RFC 5280 section 4.2: of two extensions with one identifier, different readers could use different ones.
    if (extensions.has(id) || extensions.size === maxExtensions)
      throw malformedDer(`the extension ${id} occurs twice, or there are too many extensions`);
    extensions.set(id, { critical: critical !== undefined && readBoolean(critical), value });
  }
  return extensions;
}

/** Whether issuer and subject are the same, as when an authority changes its key (RFC 5280 section 6.1). */
export function isSelfIssued({ issuer, subject }: ParsedCertificate): boolean {
  return sameOctets(issuer, subject);
}

/** Whether the key of `issuer` made the signature. @throws CodedError `algorithm_unsupported` */
export function isSignedBy(signed: SignedObject, issuer: ParsedCertificate): boolean {
  const scheme = signatureSchemeOf(signed.signatureAlgorithm);
  return verifySignature(issuer.publicKey, scheme, signed.toBeSigned, signed.signature);
}

/** Whether the key of `issuer` signed the certificate; false for an unsupported signature algorithm. */
export function isIssuedBy(certificate: ParsedCertificate, issuer: ParsedCertificate): boolean {
  try {
    return isSignedBy(certificate, issuer);
  } catch (error) {
    if (isCodedError(error)) return false;
    throw error;
  }
}
