import {
  contextConstructed,
  type DerReader,
  readBitOctets,
  readDer,
  readDerSequence,
  readObjectIdentifier,
  readSmallInteger,
  tags,
} from '../der/index.ts';
import { malformedDer, x509Errors } from '../errors.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { readAlgorithmIdentifier, signatureSchemeOf } from '../signatures/algorithms.ts';
import { readPublicKey } from '../signatures/public-key.ts';
import { verifySignature } from '../signatures/verify-signature.ts';
import { type CertificateExtension, readExtensionList } from './certificate.ts';
import { comparableRelativeNames } from './directory-name.ts';
import { type GeneralName, subjectAltNamesOf } from './general-names.ts';

/** Maximum size of a certification request, in octets. */
export const maxCertificationRequestOctets = 16_384;
const maxAttributes = 16;

/**
 * A PKCS #10 request whose signature proves possession of the key (RFC 2986). Nothing that it asks for has been
 * granted.
 */
export interface CertificationRequest {
  /** DER of the requested Name. */
  readonly subject: Uint8Array;
  /** DER of the SubjectPublicKeyInfo. The key is strong enough for a certificate. */
  readonly publicKey: Uint8Array;
  /** Requested extensions by object identifier (RFC 2985 section 5.4.2). */
  readonly extensions: ReadonlyMap<string, CertificateExtension>;
  readonly subjectAltNames: readonly GeneralName[];
}

/**
 * Reads a certification request and verifies its proof of possession.
 *
 * @throws CodedError `request_malformed`, `possession_unproven`, and for the key `key_weak` or `algorithm_unsupported`
 */
export function readCertificationRequest(der: Uint8Array): CertificationRequest {
  if (der.length > maxCertificationRequestOctets)
    throw requestMalformed(`It has more than ${maxCertificationRequestOctets} octets.`);
  try {
    return read(der);
  } catch (error) {
    if (!x509Errors.is(error, 'der_malformed')) throw error;
    throw requestMalformed(error.detail, error);
  }
}

function read(der: Uint8Array): CertificationRequest {
  const request = readDerSequence(der);
  const toBeSigned = request.next(tags.sequence);
  const algorithm = readAlgorithmIdentifier(request.enter(tags.sequence));
  const signature = readBitOctets(request.next(tags.bitString));
  request.end();
  const info = readDer(toBeSigned.content);
  if (readSmallInteger(info.next(tags.integer)) !== 0) throw malformedDer('the version of the request is not 0');
  const subject = info.next(tags.sequence).encoding;
  const publicKey = info.next(tags.sequence).encoding;
  // The attributes are mandatory; some software omits them when they are empty.
  const extensions = readRequestedExtensions(info.enterOptional(contextConstructed(0)));
  info.end();
  comparableRelativeNames(subject);
  const subjectAltNames = subjectAltNamesOf({ extensions });
  readPublicKey(publicKey);
  if (!verifySignature(publicKey, signatureSchemeOf(algorithm), toBeSigned.encoding, signature))
    throw x509Errors.error(
      'possession_unproven',
      'The signature of the certification request was not made with the key in it.',
    );
  return { subject, publicKey, extensions, subjectAltNames };
}

function readRequestedExtensions(attributes: DerReader | undefined): ReadonlyMap<string, CertificateExtension> {
  const types = new Set<string>();
  let extensions: ReadonlyMap<string, CertificateExtension> = new Map();
  while (attributes !== undefined && !attributes.done) {
    const attribute = attributes.enter(tags.sequence);
    const type = readObjectIdentifier(attribute.next(tags.objectIdentifier));
    const values = attribute.enter(tags.set);
    attribute.end();
    // Of two attributes with one type, different readers could use different ones.
    if (types.has(type) || types.size === maxAttributes)
      throw malformedDer(`the attribute ${type} occurs twice, or there are too many attributes`);
    types.add(type);
    if (type !== oid.extensionRequest) continue;
    extensions = readExtensionList(values.enter(tags.sequence));
    values.end();
  }
  return extensions;
}

function requestMalformed(detail: string, cause?: unknown) {
  return x509Errors.error('request_malformed', `The certification request cannot be read. ${detail}`, { cause });
}
