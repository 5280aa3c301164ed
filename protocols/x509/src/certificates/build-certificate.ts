import {
  contextConstructed,
  derBitString,
  derCertificateTime,
  derElement,
  derInteger,
  derSequence,
  readDerSequence,
} from '../der/index.ts';
import {
  encodeSignatureAlgorithm,
  encodeSignatureValue,
  type SigningAlgorithm,
} from '../signatures/sign-algorithms.ts';
import { encodeExtensions, type NewExtensions } from './build-extensions.ts';

export interface NewCertificate {
  /** Positive, at most 20 octets, at least 64 bits of randomness (RFC 5280 section 4.1.2.2). */
  readonly serial: bigint;
  /** Algorithm of the issuer's signature. */
  readonly algorithm: SigningAlgorithm;
  /** DER of the issuer's Name, as in the issuer's certificate. */
  readonly issuer: Uint8Array;
  /** DER of the subject's Name; see `encodeDirectoryName`. */
  readonly subject: Uint8Array;
  /** Milliseconds since the epoch, as is `notAfter`; the certificate has whole seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** DER of the SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  readonly extensions: NewExtensions;
}

/**
 * The octets of a certificate that its issuer signs: TBSCertificate, version 3 (RFC 5280 section 4.1).
 *
 * Nothing is judged here; `lintCertificate` does that.
 *
 * @throws CodedError `name_invalid`, `der_malformed`
 */
export function buildTbsCertificate(certificate: NewCertificate): Uint8Array {
  const extensions = encodeExtensions(certificate.extensions, readDerSequence(certificate.subject).done);
  return derSequence(
    derElement(contextConstructed(0), derInteger(2)),
    derInteger(certificate.serial),
    encodeSignatureAlgorithm(certificate.algorithm),
    certificate.issuer,
    derSequence(derCertificateTime(certificate.notBefore), derCertificateTime(certificate.notAfter)),
    certificate.subject,
    certificate.publicKey,
    ...(extensions.length === 0 ? [] : [derElement(contextConstructed(3), derSequence(...extensions))]),
  );
}

/** The signature over the to-be-signed octets of a certificate or a revocation list. */
export interface NewSignature {
  readonly algorithm: SigningAlgorithm;
  /** In JOSE form: r and s for ECDSA (RFC 7518 section 3.4). */
  readonly signature: Uint8Array;
}

/** DER of a certificate. @param toBeSigned from `buildTbsCertificate`, with the same algorithm */
export function assembleCertificate(toBeSigned: Uint8Array, signature: NewSignature): Uint8Array {
  return derSequence(toBeSigned, ...encodeSignature(signature));
}

/** The algorithm and the BIT STRING beside signed octets. */
export function encodeSignature({ algorithm, signature }: NewSignature): readonly [Uint8Array, Uint8Array] {
  return [encodeSignatureAlgorithm(algorithm), derBitString(encodeSignatureValue(algorithm, signature))];
}
