import { type AlgorithmIdentifier, readAlgorithmIdentifier } from '../algorithms.ts';
import { type ParsedCertificate, readX509Certificate } from '../certificates/certificate.ts';
import { extendedKeyUsageOf } from '../certificates/extensions.ts';
import { hashOf } from '../crypto.ts';
import { type DerReader, readDer, readDerSequence } from '../der/der-reader.ts';
import { readGeneralizedTime } from '../der/der-time.ts';
import { integerContent, readBitOctets, readObjectIdentifier } from '../der/read-values.ts';
import { contextConstructed, contextPrimitive, tags } from '../der/tags.ts';
import { malformedDer } from '../errors.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { sameOctets } from '../octets.ts';
import type { HashName } from '../signature-scheme.ts';
import type { RevocationStatement } from './revocation-statement.ts';
import { isSignedBy } from './signed-statement.ts';
import { keyBitsOf } from './status-request.ts';

const enumerated = 0x0a;
const basicResponse = '1.3.6.1.5.5.7.48.1.1';
const ocspSigning = '1.3.6.1.5.5.7.3.9';
const mostCertificates = 8;

/**
 * What an OCSP response (RFC 6960 section 4.2.1) says of one certificate of an issuer: signed by the issuer, or by a
 * responder that the issuer certified for this purpose alone.
 *
 * @returns undefined when it is about another certificate, not genuine, or does not know
 * @throws CodedError `der_malformed`, `certificate_malformed`, `algorithm_unsupported`
 */
export function readStatusResponse(
  der: Uint8Array,
  serial: Uint8Array,
  issuer: ParsedCertificate,
): RevocationStatement | undefined {
  const response = readDerSequence(der);
  const [status] = response.next(enumerated).content;
  if (status !== 0) return undefined;
  const bytes = response.enter(contextConstructed(0)).enter(tags.sequence);
  if (readObjectIdentifier(bytes.next(tags.objectIdentifier)) !== basicResponse)
    throw malformedDer('an OCSP response of another type');
  const basic = readDerSequence(bytes.next(tags.octetString).content);
  const toBeSigned = basic.next(tags.sequence);
  const algorithm = readAlgorithmIdentifier(basic.enter(tags.sequence));
  const signature = readBitOctets(basic.next(tags.bitString));
  const certificates = readCertificates(basic.enterOptional(contextConstructed(0)));
  basic.end();

  const data = readDer(toBeSigned.content);
  data.optional(contextConstructed(0));
  // The responder's name or key: a hint, the signature says who it was.
  data.any();
  const producedAt = readGeneralizedTime(data.next(tags.generalizedTime)).milliseconds;
  const single = findCertificate(data.enter(tags.sequence), serial, issuer);
  if (single === undefined) return undefined;
  const signed = [issuer, ...certificates.filter((each) => mayAnswerFor(issuer, each, producedAt))].some((signer) =>
    isSignedBy(signer, { toBeSigned: toBeSigned.encoding, algorithm, signature }),
  );
  return signed ? single : undefined;
}

function readCertificates(wrapper: DerReader | undefined): readonly ParsedCertificate[] {
  const list = wrapper?.enter(tags.sequence);
  const certificates: ParsedCertificate[] = [];
  while (list !== undefined && !list.done && certificates.length < mostCertificates)
    certificates.push(readX509Certificate(list.next(tags.sequence).encoding));
  return certificates;
}

/** RFC 6960 section 4.2.2.2: a delegate is certified by the issuer itself, with the purpose of signing such answers. */
function mayAnswerFor(issuer: ParsedCertificate, delegate: ParsedCertificate, at: number): boolean {
  return (
    sameOctets(delegate.issuer, issuer.subject) &&
    extendedKeyUsageOf(delegate)?.purposes.includes(ocspSigning) === true &&
    delegate.notBefore <= at &&
    at <= delegate.notAfter &&
    isSignedBy(issuer, {
      toBeSigned: delegate.toBeSigned,
      algorithm: delegate.signatureAlgorithm,
      signature: delegate.signature,
    })
  );
}

function findCertificate(
  responses: DerReader,
  serial: Uint8Array,
  issuer: ParsedCertificate,
): RevocationStatement | undefined {
  while (!responses.done) {
    const single = responses.enter(tags.sequence);
    const about = isAbout(single.enter(tags.sequence), serial, issuer);
    const state = single.any();
    const from = readGeneralizedTime(single.next(tags.generalizedTime)).milliseconds;
    const nextUpdate = single.enterOptional(contextConstructed(0));
    if (!about || (state.tag !== contextPrimitive(0) && state.tag !== contextConstructed(1))) continue;
    const until = nextUpdate === undefined ? undefined : readGeneralizedTime(nextUpdate.next(tags.generalizedTime));
    return {
      from,
      ...(until === undefined ? {} : { until: until.milliseconds }),
      ...(state.tag === contextPrimitive(0)
        ? {}
        : { revokedAt: readGeneralizedTime(readDer(state.content).next(tags.generalizedTime)).milliseconds }),
    };
  }
  return undefined;
}

/** CertID (RFC 6960 section 4.1.1): hashes of the issuer's name and key, and the serial number. */
function isAbout(id: DerReader, serial: Uint8Array, issuer: ParsedCertificate): boolean {
  const hash = hashNameOf(readAlgorithmIdentifier(id.enter(tags.sequence)));
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

/** SHA-1 too: it names an issuer here, and proves nothing. */
function hashNameOf({ algorithm }: AlgorithmIdentifier): HashName | undefined {
  return (['sha1', 'sha256', 'sha384', 'sha512'] as const).find((name) => oid[name] === algorithm);
}
