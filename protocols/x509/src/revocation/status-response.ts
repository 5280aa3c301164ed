import { isSignedBy, type ParsedCertificate, readX509Certificate } from '../certificates/certificate.ts';
import { extendedKeyUsageOf } from '../certificates/extensions.ts';
import {
  contextConstructed,
  contextPrimitive,
  type DerReader,
  derElement,
  derInteger,
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
import { readAlgorithmIdentifier } from '../signatures/algorithms.ts';
import type { RevocationStatement } from './revocation-list.ts';
import { isIssuerOf, readCertificateId } from './status-request.ts';

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
  if (readObjectIdentifier(bytes.next(tags.objectIdentifier)) !== oid.ocspBasic)
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
    extendedKeyUsageOf(responder)?.purposes.includes(oid.ocspSigning) === true &&
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
    const id = readCertificateId(single.next(tags.sequence));
    const matches = isIssuerOf(id, issuer) && sameOctets(derInteger(id.serial), derElement(tags.integer, serial));
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
