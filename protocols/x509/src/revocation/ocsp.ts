import { isSignedBy, type ParsedCertificate, readX509Certificate } from '../certificates/certificate.ts';
import { extendedKeyUsageOf } from '../certificates/extensions.ts';
import {
  contextConstructed,
  contextPrimitive,
  type DerReader,
  derElement,
  derNull,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  integerContent,
  readBitOctets,
  readDer,
  readDerSequence,
  readGeneralizedTime,
  readObjectIdentifier,
  tags,
} from '../der/index.ts';
import { malformedDer } from '../errors.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { sameOctets } from '../octets.ts';
import { type AlgorithmIdentifier, type HashName, readAlgorithmIdentifier } from '../signatures/algorithms.ts';
import { hashOf } from '../signatures/verify-signature.ts';
import type { RevocationStatement } from './revocation-list.ts';

/**
 * An OCSP request for one certificate (RFC 6960 section 4.1). It has no nonce, because responders serve responses signed
 * in advance; the age of the response limits replay. SHA-1 only names the issuer (RFC 5019 section 2.1.1).
 */
export function encodeStatusRequest(certificate: ParsedCertificate, issuer: ParsedCertificate): Uint8Array {
  const id = derSequence(
    derSequence(derObjectIdentifier(oid.sha1), derNull()),
    derOctetString(hashOf('sha1', issuer.subject)),
    derOctetString(hashOf('sha1', keyBitsOf(issuer))),
    derElement(tags.integer, certificate.serial),
  );
  return derSequence(derSequence(derSequence(derSequence(id))));
}

/** The key octets of a SubjectPublicKeyInfo, without the algorithm. */
function keyBitsOf({ publicKey }: ParsedCertificate): Uint8Array {
  const info = readDerSequence(publicKey);
  info.next(tags.sequence);
  return readBitOctets(info.next(tags.bitString));
}

const basicResponse = '1.3.6.1.5.5.7.48.1.1';
const ocspSigning = '1.3.6.1.5.5.7.3.9';
const maxCertificates = 8;

/**
 * The status of one certificate in an OCSP response (RFC 6960 section 4.2.1), signed by the issuer or by a responder that
 * the issuer certified for OCSP signing.
 *
 * @returns undefined when the response covers another certificate, has a wrong signature, or states `unknown`
 * @throws CodedError `der_malformed`, `certificate_malformed`, `algorithm_unsupported`
 */
export function readStatusResponse(
  der: Uint8Array,
  serial: Uint8Array,
  issuer: ParsedCertificate,
): RevocationStatement | undefined {
  const response = readDerSequence(der);
  const [status] = response.next(tags.enumerated).content;
  if (status !== 0) return undefined;
  const bytes = response.enter(contextConstructed(0)).enter(tags.sequence);
  if (readObjectIdentifier(bytes.next(tags.objectIdentifier)) !== basicResponse)
    throw malformedDer('the OCSP response is not a basic response');
  const basic = readDerSequence(bytes.next(tags.octetString).content);
  const toBeSigned = basic.next(tags.sequence);
  const signatureAlgorithm = readAlgorithmIdentifier(basic.enter(tags.sequence));
  const signature = readBitOctets(basic.next(tags.bitString));
  const certificates = readCertificates(basic.enterOptional(contextConstructed(0)));
  basic.end();

  const data = readDer(toBeSigned.content);
  data.optional(contextConstructed(0));
  // The responder's name or key is only a hint; the signature proves who signed.
  data.any();
  const producedAt = readGeneralizedTime(data.next(tags.generalizedTime)).milliseconds;
  const statement = findStatement(data.enter(tags.sequence), serial, issuer);
  if (statement === undefined) return undefined;
  const responders = certificates.filter((certificate) => isResponderOf(issuer, certificate, producedAt));
  const signed = [issuer, ...responders].some((signer) =>
    isSignedBy({ toBeSigned: toBeSigned.encoding, signatureAlgorithm, signature }, signer),
  );
  return signed ? statement : undefined;
}

function readCertificates(wrapper: DerReader | undefined): readonly ParsedCertificate[] {
  const list = wrapper?.enter(tags.sequence);
  const certificates: ParsedCertificate[] = [];
  while (list !== undefined && !list.done && certificates.length < maxCertificates)
    certificates.push(readX509Certificate(list.next(tags.sequence).encoding));
  return certificates;
}

/** RFC 6960 section 4.2.2.2: the issuer itself certifies a responder, for the purpose of OCSP signing. */
function isResponderOf(issuer: ParsedCertificate, responder: ParsedCertificate, at: number): boolean {
  return (
    sameOctets(responder.issuer, issuer.subject) &&
    extendedKeyUsageOf(responder)?.purposes.includes(ocspSigning) === true &&
    responder.notBefore <= at &&
    at <= responder.notAfter &&
    isSignedBy(responder, issuer)
  );
}

function findStatement(
  responses: DerReader,
  serial: Uint8Array,
  issuer: ParsedCertificate,
): RevocationStatement | undefined {
  while (!responses.done) {
    const single = responses.enter(tags.sequence);
    const matches = isCertIdOf(single.enter(tags.sequence), serial, issuer);
    const state = single.any();
    const thisUpdate = readGeneralizedTime(single.next(tags.generalizedTime)).milliseconds;
    const nextUpdateField = single.enterOptional(contextConstructed(0));
    if (!matches || (state.tag !== contextPrimitive(0) && state.tag !== contextConstructed(1))) continue;
    const nextUpdate =
      nextUpdateField === undefined ? undefined : readGeneralizedTime(nextUpdateField.next(tags.generalizedTime));
    return {
      thisUpdate,
      ...(nextUpdate === undefined ? {} : { nextUpdate: nextUpdate.milliseconds }),
      ...(state.tag === contextPrimitive(0)
        ? {}
        : { revokedAt: readGeneralizedTime(readDer(state.content).next(tags.generalizedTime)).milliseconds }),
    };
  }
  return undefined;
}

/** CertID (RFC 6960 section 4.1.1): hashes of the issuer's name and key, and the serial number. */
function isCertIdOf(id: DerReader, serial: Uint8Array, issuer: ParsedCertificate): boolean {
  const hash = certIdHashOf(readAlgorithmIdentifier(id.enter(tags.sequence)));
  const name = id.next(tags.octetString).content;
  const key = id.next(tags.octetString).content;
  const number = integerContent(id.next(tags.integer));
  id.end();
  return (
    hash !== undefined &&
    sameOctets(name, hashOf(hash, issuer.subject)) &&
    sameOctets(key, hashOf(hash, keyBitsOf(issuer))) &&
    sameOctets(number, serial)
  );
}

/** SHA-1 is acceptable here, because the hash only names the issuer. */
function certIdHashOf({ algorithm }: AlgorithmIdentifier): HashName | undefined {
  return (['sha1', 'sha256', 'sha384', 'sha512'] as const).find((name) => oid[name] === algorithm);
}
