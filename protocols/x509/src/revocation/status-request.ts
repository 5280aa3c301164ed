import { decodeBase64 } from '@countersign/kernel';
import { keyOctetsOf } from '../certificates/build-extensions.ts';
import { type ParsedCertificate, readExtensionList } from '../certificates/certificate.ts';
import {
  contextConstructed,
  type DerElement,
  derElement,
  derNull,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  readDer,
  readDerSequence,
  readInteger,
  readSmallInteger,
  tags,
} from '../der/index.ts';
import { malformedDer, x509Errors } from '../errors.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { sameOctets } from '../octets.ts';
import { type HashName, readAlgorithmIdentifier } from '../signatures/algorithms.ts';
import { hashOf } from '../signatures/verify-signature.ts';

/** Maximum size of an OCSP request, in octets. */
export const maxStatusRequestOctets = 4_096;
const maxCertificateIds = 16;
/** RFC 9654 section 2.1. */
const maxNonceOctets = 128;

/** CertID (RFC 6960 section 4.1.1): the certificate that a request or response is about. */
export interface CertificateId {
  /** DER of the CertID; a response repeats it. */
  readonly encoding: Uint8Array;
  /** Undefined for a digest that is not supported; such an identifier matches no issuer. */
  readonly hash: HashName | undefined;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  readonly serial: bigint;
}

export interface StatusRequest {
  /** At least one. */
  readonly certificateIds: readonly CertificateId[];
  /** 1 to 128 octets. The response repeats it. */
  readonly nonce?: Uint8Array;
}

/**
 * Reads an OCSP request (RFC 6960 section 4.1). The requestor's signature is not verified, because the answer is
 * public.
 * @throws CodedError `status_request_malformed`, also for a nonce of a wrong length (RFC 9654) and an unknown critical
 * extension; the responder answers `malformedRequest`
 */
export function readStatusRequest(der: Uint8Array): StatusRequest {
  if (der.length > maxStatusRequestOctets)
    throw requestMalformed(`It is longer than ${maxStatusRequestOctets} octets.`);
  try {
    return read(der);
  } catch (error) {
    if (!x509Errors.is(error, 'der_malformed')) throw error;
    throw requestMalformed(error.detail, error);
  }
}

function read(der: Uint8Array): StatusRequest {
  const outer = readDerSequence(der);
  const request = outer.enter(tags.sequence);
  outer.optional(contextConstructed(0));
  outer.end();
  const version = request.enterOptional(contextConstructed(0));
  if (version !== undefined && readSmallInteger(version.next(tags.integer)) !== 0)
    throw malformedDer('the version of the request is not 0');
  request.optional(contextConstructed(1));
  const list = request.enter(tags.sequence);
  const certificateIds: CertificateId[] = [];
  while (!list.done) {
    if (certificateIds.length === maxCertificateIds) throw malformedDer(`more than ${maxCertificateIds} certificates`);
    const single = list.enter(tags.sequence);
    certificateIds.push(readCertificateId(single.next(tags.sequence)));
    refuseCritical(single.optional(contextConstructed(0)));
    single.end();
  }
  if (certificateIds.length === 0) throw malformedDer('the request names no certificate');
  const nonce = refuseCritical(request.optional(contextConstructed(2)));
  request.end();
  return { certificateIds, ...(nonce === undefined ? {} : { nonce }) };
}

/** @returns the nonce, if there is one */
function refuseCritical(wrapper: DerElement | undefined): Uint8Array | undefined {
  if (wrapper === undefined) return undefined;
  const extensions = readExtensionList(readDerSequence(wrapper.content));
  for (const [id, { critical }] of extensions)
    if (critical && id !== oid.ocspNonce) throw malformedDer(`the extension ${id} is critical and not supported`);
  const value = extensions.get(oid.ocspNonce)?.value;
  if (value === undefined) return undefined;
  const reader = readDer(value);
  const nonce = reader.next(tags.octetString).content;
  reader.end();
  if (nonce.length === 0 || nonce.length > maxNonceOctets)
    throw malformedDer(`the nonce does not have 1 to ${maxNonceOctets} octets`);
  return nonce;
}

/** @throws CodedError `der_malformed` */
export function readCertificateId({ content, encoding }: Pick<DerElement, 'content' | 'encoding'>): CertificateId {
  const id = readDer(content);
  const { algorithm } = readAlgorithmIdentifier(id.enter(tags.sequence));
  const issuerNameHash = id.next(tags.octetString).content;
  const issuerKeyHash = id.next(tags.octetString).content;
  const serial = readInteger(id.next(tags.integer));
  id.end();
  // SHA-1 is acceptable here, because the hash only names the issuer.
  const hash = (['sha1', 'sha256', 'sha384', 'sha512'] as const).find((name) => oid[name] === algorithm);
  return { encoding, hash, issuerNameHash, issuerKeyHash, serial };
}

/** Whether the identifier names a certificate of this issuer. */
export function isIssuerOf(id: CertificateId, issuer: Pick<ParsedCertificate, 'subject' | 'publicKey'>): boolean {
  return (
    id.hash !== undefined &&
    sameOctets(id.issuerNameHash, hashOf(id.hash, issuer.subject)) &&
    sameOctets(id.issuerKeyHash, hashOf(id.hash, keyOctetsOf(issuer.publicKey)))
  );
}

/**
 * DER of the request in the path of a GET (RFC 5019 section 5): base64, percent-encoded or not.
 *
 * @param path what follows the responder's address and one slash
 * @throws CodedError `status_request_malformed`
 */
export function decodeStatusRequestPath(path: string): Uint8Array {
  if (path.length > 2 * maxStatusRequestOctets) throw requestMalformed('The path is too long.');
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch (error) {
    throw requestMalformed('The path is not percent-encoded UTF-8.', error);
  }
  const der = decodeBase64(decoded);
  if (der === undefined) throw requestMalformed('The path is not base64.');
  return der;
}

/**
 * An OCSP request for one certificate (RFC 6960 section 4.1). It has no nonce, because responders serve responses signed
 * in advance; the age of the response limits replay. SHA-1 only names the issuer (RFC 5019 section 2.1.1).
 */
export function encodeStatusRequest(certificate: ParsedCertificate, issuer: ParsedCertificate): Uint8Array {
  const id = derSequence(
    derSequence(derObjectIdentifier(oid.sha1), derNull()),
    derOctetString(hashOf('sha1', issuer.subject)),
    derOctetString(hashOf('sha1', keyOctetsOf(issuer.publicKey))),
    derElement(tags.integer, certificate.serial),
  );
  return derSequence(derSequence(derSequence(derSequence(id))));
}

function requestMalformed(detail: string, cause?: unknown) {
  return x509Errors.error('status_request_malformed', `The OCSP request cannot be read. ${detail}`, { cause });
}
