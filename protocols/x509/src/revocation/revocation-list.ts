import { isSignedBy, type ParsedCertificate } from '../certificates/certificate.ts';
import { keyUsageBits, keyUsageOf } from '../certificates/extensions.ts';
import {
  contextConstructed,
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
import { malformedDer } from '../errors.ts';
import { octetsToHex, sameOctets } from '../octets.ts';
import { readAlgorithmIdentifier } from '../signatures/algorithms.ts';

/** The status of one certificate as stated by its issuer. Times in milliseconds since the epoch. */
export interface RevocationStatement {
  /** When the status was known to be correct. */
  readonly thisUpdate: number;
  /** When newer information will be available. */
  readonly nextUpdate?: number;
  readonly revokedAt?: number;
}

/** Extensions that do not limit what a list covers: CRL number and authority key identifier. */
const supportedExtensions: ReadonlySet<string> = new Set(['2.5.29.20', '2.5.29.35']);
const noExtensions: ReadonlySet<string> = new Set();

/** A revocation list whose signature holds. The caller decides whether it is recent enough. */
export interface CompleteRevocationList {
  /** Milliseconds since the epoch, as is `nextUpdate`. */
  readonly thisUpdate: number;
  readonly nextUpdate?: number;
  /** When a certificate was revoked, in milliseconds since the epoch. @param serial content of the INTEGER */
  revokedAt(serial: Uint8Array): number | undefined;
}

/**
 * Reads and verifies a certificate revocation list (RFC 5280 section 5). Only complete lists signed by the issuer itself
 * are accepted; partial and indirect lists have a critical extension and are refused.
 *
 * @returns undefined when the list is from another issuer or its signature is wrong
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
    throw malformedDer('the two signature algorithms differ');
  const name = fields.next(tags.sequence).encoding;
  // Compare the issuer before the expensive signature check: callers try every list with every issuer.
  const usage = keyUsageOf(issuer);
  const maySignLists = usage === undefined || usage.has(keyUsageBits.crlSign);
  if (!maySignLists || !sameOctets(name, issuer.subject)) return undefined;
  const signatureAlgorithm = readAlgorithmIdentifier(readDer(algorithm.content));
  if (!isSignedBy({ toBeSigned: toBeSigned.encoding, signatureAlgorithm, signature }, issuer)) return undefined;

  const thisUpdate = readCertificateTime(fields.any());
  const nextUpdate = isTime(fields) ? readCertificateTime(fields.any()) : undefined;
  const revoked = readEntries(fields.enterOptional(tags.sequence));
  refuseUnsupportedExtensions(fields.enterOptional(contextConstructed(0)));
  fields.end();
  return {
    thisUpdate,
    ...(nextUpdate === undefined ? {} : { nextUpdate }),
    revokedAt: (serial) => revoked.get(octetsToHex(serial)),
  };
}

/**
 * The status of one certificate in a revocation list.
 *
 * @returns undefined when the list is from another issuer or its signature is wrong
 * @throws CodedError `der_malformed`, `algorithm_unsupported`
 */
export function readRevocationList(
  der: Uint8Array,
  serial: Uint8Array,
  issuer: ParsedCertificate,
): RevocationStatement | undefined {
  const list = readCompleteRevocationList(der, issuer);
  if (list === undefined) return undefined;
  const { thisUpdate, nextUpdate } = list;
  const revokedAt = list.revokedAt(serial);
  return {
    thisUpdate,
    ...(nextUpdate === undefined ? {} : { nextUpdate }),
    ...(revokedAt === undefined ? {} : { revokedAt }),
  };
}

function isTime(fields: DerReader): boolean {
  return !fields.done && [tags.utcTime, tags.generalizedTime].some((tag) => fields.peek() === tag);
}

/** Revocation times by serial number in hexadecimal. If a serial number occurs twice, the first entry counts. */
function readEntries(entries: DerReader | undefined): ReadonlyMap<string, number> {
  const revoked = new Map<string, number>();
  while (entries !== undefined && !entries.done) {
    const entry = entries.enter(tags.sequence);
    const serial = octetsToHex(integerContent(entry.next(tags.integer)));
    const revokedAt = readCertificateTime(entry.any());
    const extensions = entry.enterOptional(tags.sequence);
    entry.end();
    // RFC 5280 section 5.3: an unsupported critical entry extension makes the whole list unusable.
    if (extensions !== undefined) refuseCritical(extensions, noExtensions);
    if (!revoked.has(serial)) revoked.set(serial, revokedAt);
  }
  return revoked;
}

function refuseUnsupportedExtensions(wrapper: DerReader | undefined): void {
  const extensions = wrapper?.enter(tags.sequence);
  if (extensions !== undefined) refuseCritical(extensions, supportedExtensions);
}

function refuseCritical(extensions: DerReader, supported: ReadonlySet<string>): void {
  while (!extensions.done) {
    const extension = extensions.enter(tags.sequence);
    const id = readObjectIdentifier(extension.next(tags.objectIdentifier));
    const critical = extension.optional(tags.boolean);
    if (critical !== undefined && readBoolean(critical) && !supported.has(id))
      throw malformedDer(`the revocation list has the unsupported critical extension ${id}`);
  }
}
