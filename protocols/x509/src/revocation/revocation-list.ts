import { readAlgorithmIdentifier } from '../algorithms.ts';
import type { ParsedCertificate } from '../certificates/certificate.ts';
import { keyUsageBits, keyUsageOf } from '../certificates/extensions.ts';
import { type DerReader, readDer, readDerSequence } from '../der/der-reader.ts';
import { readCertificateTime } from '../der/der-time.ts';
import { integerContent, readBitOctets, readBoolean, readObjectIdentifier } from '../der/read-values.ts';
import { contextConstructed, tags } from '../der/tags.ts';
import { malformedDer } from '../errors.ts';
import { octetsToHex, sameOctets } from '../octets.ts';
import type { RevocationStatement } from './revocation-statement.ts';
import { isSignedBy } from './signed-statement.ts';

/** Extensions of a list that say nothing which would make it a list of something else: its number, its issuer's key. */
const understood: ReadonlySet<string> = new Set(['2.5.29.20', '2.5.29.35']);
const none: ReadonlySet<string> = new Set();

/** A list of its issuer that is genuine. Whether it still counts is for who knows the time. */
export interface CompleteRevocationList {
  /** Milliseconds since the epoch: how things stood then, and when the issuer promised to say more. */
  readonly from: number;
  readonly until?: number;
  /** When a certificate of the issuer was revoked, in milliseconds since the epoch. @param serial content of the INTEGER */
  revokedAt(serial: Uint8Array): number | undefined;
}

/**
 * Reads a certificate revocation list (RFC 5280 section 5). Complete lists by the issuer itself; a list that is partial
 * or indirect says so by a critical extension, and is none here.
 *
 * @returns undefined when it is not by this issuer, or not genuine
 * @throws CodedError `der_malformed`, `algorithm_unsupported`
 */
export function readCompleteRevocationList(
  der: Uint8Array,
  issuer: ParsedCertificate,
): CompleteRevocationList | undefined {
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
  // Whose it is, before the work: of several lists each is asked about each issuer.
  const usage = keyUsageOf(issuer);
  const mayList = usage === undefined || usage.has(keyUsageBits.crlSign);
  if (!mayList || !sameOctets(name, issuer.subject)) return undefined;
  const identifier = readAlgorithmIdentifier(readDer(algorithm.content));
  if (!isSignedBy(issuer, { toBeSigned: toBeSigned.encoding, algorithm: identifier, signature })) return undefined;

  const from = readCertificateTime(fields.any());
  const until = isTime(fields) ? readCertificateTime(fields.any()) : undefined;
  const revoked = readEntries(fields.enterOptional(tags.sequence));
  refuseStrangeExtensions(fields.enterOptional(contextConstructed(0)));
  fields.end();
  return {
    from,
    ...(until === undefined ? {} : { until }),
    revokedAt: (serial) => revoked.get(octetsToHex(serial)),
  };
}

/**
 * What a list says of one certificate of its issuer.
 *
 * @returns undefined when it is not by this issuer, or not genuine
 * @throws CodedError `der_malformed`, `algorithm_unsupported`
 */
export function readRevocationList(
  der: Uint8Array,
  serial: Uint8Array,
  issuer: ParsedCertificate,
): RevocationStatement | undefined {
  const list = readCompleteRevocationList(der, issuer);
  if (list === undefined) return undefined;
  const { from, until } = list;
  const revokedAt = list.revokedAt(serial);
  return { from, ...(until === undefined ? {} : { until }), ...(revokedAt === undefined ? {} : { revokedAt }) };
}

function isTime(fields: DerReader): boolean {
  return !fields.done && [tags.utcTime, tags.generalizedTime].some((tag) => fields.peek() === tag);
}

/** When each was revoked, by serial number in hexadecimal; the first entry of one counts. */
function readEntries(entries: DerReader | undefined): ReadonlyMap<string, number> {
  const revoked = new Map<string, number>();
  while (entries !== undefined && !entries.done) {
    const entry = entries.enter(tags.sequence);
    const serial = octetsToHex(integerContent(entry.next(tags.integer)));
    const revokedAt = readCertificateTime(entry.any());
    const extensions = entry.enterOptional(tags.sequence);
    entry.end();
    // RFC 5280 section 5.3: with a critical one that is not understood, the whole list tells nothing.
    if (extensions !== undefined) refuseCritical(extensions, none);
    if (!revoked.has(serial)) revoked.set(serial, revokedAt);
  }
  return revoked;
}

function refuseStrangeExtensions(wrapper: DerReader | undefined): void {
  const extensions = wrapper?.enter(tags.sequence);
  if (extensions !== undefined) refuseCritical(extensions, understood);
}

function refuseCritical(extensions: DerReader, known: ReadonlySet<string>): void {
  while (!extensions.done) {
    const extension = extensions.enter(tags.sequence);
    const id = readObjectIdentifier(extension.next(tags.objectIdentifier));
    const critical = extension.optional(tags.boolean);
    if (critical !== undefined && readBoolean(critical) && !known.has(id))
      throw malformedDer(`a revocation list with the critical extension ${id}`);
  }
}
