import { readAlgorithmIdentifier } from '../algorithms.ts';
import type { ParsedCertificate } from '../certificates/certificate.ts';
import { keyUsageBits, keyUsageOf } from '../certificates/extensions.ts';
import { type DerReader, readDer, readDerSequence } from '../der/der-reader.ts';
import { readCertificateTime } from '../der/der-time.ts';
import { integerContent, readBitOctets, readBoolean, readObjectIdentifier } from '../der/read-values.ts';
import { contextConstructed, tags } from '../der/tags.ts';
import { malformedDer } from '../errors.ts';
import { sameOctets } from '../octets.ts';
import type { RevocationStatement } from './revocation-statement.ts';
import { isSignedBy } from './signed-statement.ts';

/** Extensions of a list that say nothing which would make it a list of something else: its number, its issuer's key. */
const understood: ReadonlySet<string> = new Set(['2.5.29.20', '2.5.29.35']);

/**
 * What a certificate revocation list (RFC 5280 section 5) says of one certificate of its issuer. Complete lists by the
 * issuer itself; a list that is partial or indirect says so by a critical extension, and is none here.
 *
 * @returns undefined when it is not by this issuer, or not genuine
 * @throws CodedError `der_malformed`, `algorithm_unsupported`
 */
export function readRevocationList(
  der: Uint8Array,
  serial: Uint8Array,
  issuer: ParsedCertificate,
): RevocationStatement | undefined {
  const list = readDerSequence(der);
  const toBeSigned = list.next(tags.sequence);
  const algorithm = list.next(tags.sequence);
  const signature = readBitOctets(list.next(tags.bitString));
  list.end();
  const fields = readDer(toBeSigned.content);
  fields.optional(tags.integer);
  if (!sameOctets(fields.next(tags.sequence).encoding, algorithm.encoding))
    throw malformedDer('two signature algorithms that differ');
  const name = fields.next(tags.sequence).encoding;
  const from = readCertificateTime(fields.any());
  const until = isTime(fields) ? readCertificateTime(fields.any()) : undefined;
  const revokedAt = findSerial(fields.enterOptional(tags.sequence), serial);
  refuseStrangeExtensions(fields.enterOptional(contextConstructed(0)));
  fields.end();

  const usage = keyUsageOf(issuer);
  const mayList = usage === undefined || usage.has(keyUsageBits.crlSign);
  if (!mayList || !sameOctets(name, issuer.subject)) return undefined;
  const identifier = readAlgorithmIdentifier(readDer(algorithm.content));
  if (!isSignedBy(issuer, { toBeSigned: toBeSigned.encoding, algorithm: identifier, signature })) return undefined;
  return { from, ...(until === undefined ? {} : { until }), ...(revokedAt === undefined ? {} : { revokedAt }) };
}

function isTime(fields: DerReader): boolean {
  return !fields.done && [tags.utcTime, tags.generalizedTime].some((tag) => fields.peek() === tag);
}

/** When the certificate was revoked; the first entry counts. */
function findSerial(entries: DerReader | undefined, serial: Uint8Array): number | undefined {
  while (entries !== undefined && !entries.done) {
    const entry = entries.enter(tags.sequence);
    const listed = integerContent(entry.next(tags.integer));
    const revokedAt = readCertificateTime(entry.any());
    if (sameOctets(listed, serial)) return revokedAt;
  }
  return undefined;
}

function refuseStrangeExtensions(wrapper: DerReader | undefined): void {
  const extensions = wrapper?.enter(tags.sequence);
  while (extensions !== undefined && !extensions.done) {
    const extension = extensions.enter(tags.sequence);
    const id = readObjectIdentifier(extension.next(tags.objectIdentifier));
    const critical = extension.optional(tags.boolean);
    if (critical !== undefined && readBoolean(critical) && !understood.has(id))
      throw malformedDer(`a revocation list with the critical extension ${id}`);
  }
}
