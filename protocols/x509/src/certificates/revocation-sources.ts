import {
  contextConstructed,
  contextPrimitive,
  type DerReader,
  readDer,
  readDerSequence,
  readObjectIdentifier,
  tags,
} from '../der/index.ts';
import { malformedDer } from '../errors.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import type { ParsedCertificate } from './certificate.ts';
import { basicConstraintsOf } from './extensions.ts';
import { type GeneralName, readGeneralName } from './general-names.ts';

/** Where a revocation list that covers the certificate is published (RFC 5280 section 4.2.1.13). */
export interface DistributionPoint {
  /** Empty without a full name; a name relative to the issuer is not supported. */
  readonly names: readonly GeneralName[];
  /** Whether only revocations for some reasons are published there. */
  readonly someReasons: boolean;
  /** DER of the Name of another authority that signs the list. */
  readonly listIssuer?: Uint8Array;
}

const maxDistributionPoints = 32;
const maxNames = 32;

/** @throws CodedError `der_malformed` */
export function distributionPointsOf({ extensions }: ParsedCertificate): readonly DistributionPoint[] {
  const extension = extensions.get(oid.crlDistributionPoints);
  if (extension === undefined) return [];
  const list = readDerSequence(extension.value);
  const points: DistributionPoint[] = [];
  while (!list.done) {
    if (points.length === maxDistributionPoints) throw malformedDer('too many distribution points');
    const point = list.enter(tags.sequence);
    const names = readDistributionPointName(point.enterOptional(contextConstructed(0)));
    const someReasons = point.optional(contextPrimitive(1)) !== undefined;
    const issuers = readNames(point.enterOptional(contextConstructed(2)));
    point.end();
    const listIssuer = issuers.find((name) => name.kind === 'directory')?.name;
    points.push({ names, someReasons, ...(listIssuer === undefined ? {} : { listIssuer }) });
  }
  return points;
}

/** The full name in a DistributionPointName; empty without one. @throws CodedError `der_malformed` */
export function readDistributionPointName(choice: DerReader | undefined): readonly GeneralName[] {
  return readNames(choice?.enterOptional(contextConstructed(0)));
}

function readNames(list: DerReader | undefined): readonly GeneralName[] {
  const names: GeneralName[] = [];
  while (list !== undefined && !list.done) {
    if (names.length === maxNames) throw malformedDer('too many names of a distribution point');
    names.push(readGeneralName(list));
  }
  return names;
}

/** Addresses by their use, from AuthorityInfoAccess (RFC 5280 section 4.2.2.1). @throws CodedError `der_malformed` */
export function accessAddressesOf(
  { extensions }: ParsedCertificate,
  use: typeof oid.ocsp | typeof oid.accessToIssuers,
): readonly string[] {
  const extension = extensions.get(oid.authorityInfoAccess);
  if (extension === undefined) return [];
  const list = readDerSequence(extension.value);
  const addresses: string[] = [];
  while (!list.done) {
    const description = list.enter(tags.sequence);
    const method = readObjectIdentifier(description.next(tags.objectIdentifier));
    const location = readGeneralName(description);
    description.end();
    if (method === use && location.kind === 'uri') addresses.push(location.text);
  }
  return addresses;
}

/** The addresses of OCSP responders that the certificate names. @throws CodedError `der_malformed` */
export function respondersOf(certificate: ParsedCertificate): readonly string[] {
  return accessAddressesOf(certificate, oid.ocsp).filter((address) => /^https?:\/\//.test(address));
}

/**
 * Whether revocation must not be checked: the authority publishes none (RFC 9608 section 4), or the certificate is that
 * of an OCSP responder with this exemption (RFC 6960 section 4.2.2.2.1).
 */
export function isExemptFromRevocation({ extensions }: ParsedCertificate): boolean {
  return extensions.has(oid.noRevAvail) || extensions.has(oid.ocspNoCheck);
}

/**
 * How a certificate contradicts its extension noRevAvail; RFC 9608 section 3 makes such a certificate invalid.
 *
 * @throws CodedError `der_malformed`
 */
export function findNoRevAvailFault(certificate: ParsedCertificate): string | undefined {
  const extension = certificate.extensions.get(oid.noRevAvail);
  if (extension === undefined) return undefined;
  const reader = readDer(extension.value);
  const { content } = reader.next(tags.null);
  reader.end();
  if (content.length > 0 || extension.critical) return 'noRevAvail is critical or not NULL';
  if (basicConstraintsOf(certificate).authority) return 'noRevAvail is in the certificate of an authority';
  if (certificate.extensions.has(oid.crlDistributionPoints) || certificate.extensions.has(oid.freshestCrl))
    return 'noRevAvail contradicts the address of a revocation list';
  if (accessAddressesOf(certificate, oid.ocsp).length > 0)
    return 'noRevAvail contradicts the address of an OCSP responder';
  return undefined;
}
