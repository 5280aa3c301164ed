import { isIssuedBy, isSignedBy, type ParsedCertificate, readExtensionList } from '../certificates/certificate.ts';
import { findCertificateFault } from '../certificates/check-certificate.ts';
import { comparableRelativeNames } from '../certificates/directory-name.ts';
import { authorityKeyIdentifierOf, basicConstraintsOf, keyUsageBits, keyUsageOf } from '../certificates/extensions.ts';
import { type GeneralName, readGeneralName } from '../certificates/general-names.ts';
import {
  type DistributionPoint,
  distributionPointsOf,
  readDistributionPointName,
} from '../certificates/revocation-sources.ts';
import {
  contextConstructed,
  contextPrimitive,
  type DerReader,
  integerContent,
  readBitOctets,
  readBoolean,
  readCertificateTime,
  readDer,
  readDerSequence,
  readInteger,
  tags,
} from '../der/index.ts';
import { malformedDer } from '../errors.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { octetsToHex, sameOctets } from '../octets.ts';
import { readAlgorithmIdentifier } from '../signatures/algorithms.ts';
import { revocationReasons } from './revocation-reasons.ts';

/** The status of one certificate as stated by its issuer. Times in milliseconds since the epoch. */
export interface RevocationStatement {
  /** When the status was known to be correct. */
  readonly thisUpdate: number;
  /** When newer information will be available. */
  readonly nextUpdate?: number;
  readonly revokedAt?: number;
}

/** Who may sign the lists of one issuer. */
export interface ListAuthorities {
  /** The issuer of the certificates that the lists are about. */
  readonly issuer: ParsedCertificate;
  /** Authorities on a validated path above the issuer: they may certify another key of the issuer, or an indirect issuer. */
  readonly above?: readonly ParsedCertificate[];
  /** Untrusted certificates of other keys that may have signed a list. */
  readonly candidates?: readonly ParsedCertificate[];
}

/** A revocation list whose signature holds. The caller decides whether it is recent enough. */
export interface RevocationList {
  /** Equal for lists that replace each other: one issuer, one scope, complete or delta. */
  readonly series: string;
  /** Milliseconds since the epoch, as is `nextUpdate`. */
  readonly thisUpdate: number;
  readonly nextUpdate?: number;
  /** Of a delta list: the number of the complete list that it extends (RFC 5280 section 5.2.4). */
  readonly baseNumber?: bigint;
  readonly number?: bigint;
  /** DER of the Name. */
  readonly issuer: Uint8Array;
  readonly authorityKeyIdentifier?: Uint8Array;
  readonly scope: ListScope;
  /** By the DER of the issuer, then by the serial number, both in hexadecimal. */
  readonly entries: ReadonlyMap<string, ReadonlyMap<string, ListEntry>>;
}

/** IssuingDistributionPoint (RFC 5280 section 5.2.5). */
interface ListScope {
  readonly names: readonly GeneralName[];
  readonly only: 'subscribers' | 'authorities' | undefined;
  readonly indirect: boolean;
}

/** When a certificate was revoked; `removed` in a delta list lifts the revocation. */
type ListEntry = number | 'removed';

const completeScope: ListScope = { names: [], only: undefined, indirect: false };
const listExtensions: ReadonlySet<string> = new Set([
  oid.crlNumber,
  oid.authorityKeyIdentifier,
  oid.issuingDistributionPoint,
  oid.deltaCrlIndicator,
]);
const entryExtensions: ReadonlySet<string> = new Set([oid.reasonCode, oid.invalidityDate, oid.certificateIssuer]);
const certificateExtensions: ReadonlySet<string> = new Set([
  oid.nameConstraints,
  oid.policyConstraints,
  oid.inhibitAnyPolicy,
]);
const maxSigners = 4;

/**
 * Reads and verifies a certificate revocation list (RFC 5280 section 5): complete, of one distribution point, indirect
 * or delta. It is signed by the issuer, by another key that is certified for the same name, or, if indirect, by another
 * authority that is certified to sign lists. Lists for some reasons or for attribute certificates are refused.
 * @returns undefined when the list has another issuer or its signature is wrong
 * @throws CodedError `der_malformed`, `algorithm_unsupported`
 */
export function readRevocationList(der: Uint8Array, authorities: ListAuthorities): RevocationList | undefined {
  const list = readDerSequence(der);
  const toBeSigned = list.next(tags.sequence);
  const algorithm = list.next(tags.sequence);
  const signature = readBitOctets(list.next(tags.bitString));
  list.end();
  const fields = readDer(toBeSigned.content);
  fields.optional(tags.integer);
  if (!sameOctets(fields.next(tags.sequence).encoding, algorithm.encoding))
    throw malformedDer('the two signature algorithms differ');
  const issuer = fields.next(tags.sequence).encoding;
  const thisUpdate = readCertificateTime(fields.any());
  // Names are compared before the expensive signature check: callers try every list with every issuer.
  const signatureAlgorithm = readAlgorithmIdentifier(readDer(algorithm.content));
  const signed = { toBeSigned: toBeSigned.encoding, signatureAlgorithm, signature };
  if (!signersOf(issuer, thisUpdate, authorities).some((signer) => isSignedBy(signed, signer))) return undefined;

  const nextUpdate = isTime(fields) ? readCertificateTime(fields.any()) : undefined;
  const revoked = fields.enterOptional(tags.sequence);
  const wrapper = fields.enterOptional(contextConstructed(0));
  fields.end();
  const extensions = wrapper === undefined ? new Map<string, never>() : readExtensionList(wrapper.enter(tags.sequence));
  requireSupported(extensions, listExtensions);
  const scopeValue = extensions.get(oid.issuingDistributionPoint)?.value;
  const scope = scopeValue === undefined ? completeScope : readScope(scopeValue);
  if (!scope.indirect && !sameOctets(issuer, authorities.issuer.subject)) return undefined;
  const number = readNumber(extensions.get(oid.crlNumber)?.value);
  const baseNumber = readNumber(extensions.get(oid.deltaCrlIndicator)?.value);
  const authorityKeyIdentifier = authorityKeyIdentifierOf({ extensions });
  return {
    series: [issuer, scopeValue ?? new Uint8Array()]
      .map(octetsToHex)
      .concat(baseNumber === undefined ? '' : 'delta')
      .join(),
    thisUpdate,
    ...(nextUpdate === undefined ? {} : { nextUpdate }),
    ...(number === undefined ? {} : { number }),
    ...(baseNumber === undefined ? {} : { baseNumber }),
    issuer,
    ...(authorityKeyIdentifier === undefined ? {} : { authorityKeyIdentifier }),
    scope,
    entries: readEntries(revoked, { issuer, isIndirect: scope.indirect, isDelta: baseNumber !== undefined }),
  };
}

/**
 * The status of a certificate from the newest complete list that covers it and the newest delta list for that list.
 * @param lists verified for the issuer of the certificate
 * @returns undefined when no list covers the certificate
 * @throws CodedError `der_malformed` for the distribution points of the certificate
 */
export function statusInLists(
  lists: readonly RevocationList[],
  certificate: ParsedCertificate,
): RevocationStatement | undefined {
  const covering = lists.filter((list) => isCoveredBy(certificate, list));
  const base = newest(covering.filter(({ baseNumber }) => baseNumber === undefined));
  if (base === undefined) return undefined;
  const delta = newest(covering.filter((list) => continues(list, base)));
  const { thisUpdate, nextUpdate } = delta ?? base;
  const entry = (delta && entryOf(delta, certificate)) ?? entryOf(base, certificate);
  return {
    thisUpdate,
    ...(nextUpdate === undefined ? {} : { nextUpdate }),
    ...(entry === undefined || entry === 'removed' ? {} : { revokedAt: entry }),
  };
}

/** Certificates that have the list's name and may sign it, most likely first. */
function signersOf(
  name: Uint8Array,
  at: number,
  { issuer, above = [], candidates = [] }: ListAuthorities,
): readonly ParsedCertificate[] {
  const usage = keyUsageOf(issuer);
  const isOwn = sameOctets(name, issuer.subject) && (usage === undefined || usage.has(keyUsageBits.crlSign));
  const others = candidates.filter(
    (candidate) =>
      sameOctets(candidate.subject, name) &&
      keyUsageOf(candidate)?.has(keyUsageBits.crlSign) === true &&
      findCertificateFault(candidate, at, certificateExtensions) === undefined,
  );
  const certified = others
    .slice(0, maxSigners)
    .filter((candidate) => [issuer, ...above].some((authority) => certifies(authority, candidate)));
  return [...(isOwn ? [issuer] : []), ...certified];
}

function certifies(authority: ParsedCertificate, candidate: ParsedCertificate): boolean {
  const usage = keyUsageOf(authority);
  return (
    sameOctets(candidate.issuer, authority.subject) &&
    basicConstraintsOf(authority).authority &&
    (usage === undefined || usage.has(keyUsageBits.keyCertSign)) &&
    isIssuedBy(candidate, authority)
  );
}

/**
 * RFC 5280 section 6.3.3 (b). A list of one distribution point covers only certificates that name it. Otherwise the
 * list of another shard, which cannot contain the certificate, would show it as not revoked.
 */
function isCoveredBy(certificate: ParsedCertificate, { issuer, scope }: RevocationList): boolean {
  const isAuthority = basicConstraintsOf(certificate).authority;
  if (scope.only !== undefined && (scope.only === 'authorities') !== isAuthority) return false;
  const isOwn = sameOctets(issuer, certificate.issuer);
  const points = distributionPointsOf(certificate).filter(({ listIssuer }) =>
    listIssuer === undefined ? isOwn : scope.indirect && sameOctets(listIssuer, issuer),
  );
  if (scope.names.length === 0) return isOwn || points.length > 0;
  // Without distribution points, the name of the issuer is the distribution point (section 6.3.3).
  const implied: DistributionPoint = { names: [{ kind: 'directory', name: issuer }], someReasons: false };
  return (points.length === 0 && isOwn ? [implied] : points).some(({ names }) =>
    (names.length === 0 ? implied.names : names).some((name) => scope.names.some((other) => isSameName(name, other))),
  );
}

/** RFC 5280 section 5.2.4. */
function continues(delta: RevocationList, base: RevocationList): boolean {
  return (
    delta.baseNumber !== undefined &&
    delta.number !== undefined &&
    base.number !== undefined &&
    delta.baseNumber <= base.number &&
    base.number < delta.number &&
    delta.series === `${base.series}delta` &&
    isSameKey(delta.authorityKeyIdentifier, base.authorityKeyIdentifier)
  );
}

const isSameKey = (one: Uint8Array | undefined, other: Uint8Array | undefined): boolean =>
  one === undefined || other === undefined ? one === other : sameOctets(one, other);

function isSameName(one: GeneralName, other: GeneralName): boolean {
  if (one.kind === 'directory' && other.kind === 'directory')
    return comparableRelativeNames(one.name).join() === comparableRelativeNames(other.name).join();
  return one.kind === 'uri' && other.kind === 'uri' && one.text === other.text;
}

const newest = (lists: readonly RevocationList[]): RevocationList | undefined =>
  lists.toSorted((one, other) => other.thisUpdate - one.thisUpdate)[0];

const entryOf = ({ entries }: RevocationList, { issuer, serial }: ParsedCertificate): ListEntry | undefined =>
  entries.get(octetsToHex(issuer))?.get(octetsToHex(serial));

function isTime(fields: DerReader): boolean {
  return !fields.done && [tags.utcTime, tags.generalizedTime].some((tag) => fields.peek() === tag);
}

function readNumber(value: Uint8Array | undefined): bigint | undefined {
  if (value === undefined) return undefined;
  const reader = readDer(value);
  const number = readInteger(reader.next(tags.integer));
  reader.end();
  return number;
}

function readScope(value: Uint8Array): ListScope {
  const point = readDerSequence(value);
  const nameField = point.enterOptional(contextConstructed(0));
  const names = readDistributionPointName(nameField);
  // A name relative to the issuer is not supported; without it the list would seem to be complete.
  if (nameField !== undefined && names.length === 0)
    throw malformedDer('the list has a distribution point without a name');
  const flag = (number: number): boolean => {
    const element = point.optional(contextPrimitive(number));
    return element !== undefined && readBoolean(element);
  };
  const onlySubscribers = flag(1);
  const onlyAuthorities = flag(2);
  if (point.optional(contextPrimitive(3)) !== undefined) throw malformedDer('the list is for some reasons only');
  const indirect = flag(4);
  const onlyAttributes = flag(5);
  point.end();
  if (onlyAttributes || (onlySubscribers && onlyAuthorities)) throw malformedDer('the list covers no certificates');
  const only = onlySubscribers ? 'subscribers' : onlyAuthorities ? 'authorities' : undefined;
  return { names, only, indirect };
}

/** If a serial number occurs twice, the first entry counts. */
function readEntries(
  list: DerReader | undefined,
  about: { readonly issuer: Uint8Array; readonly isIndirect: boolean; readonly isDelta: boolean },
): RevocationList['entries'] {
  let ofIssuer = new Map<string, ListEntry>();
  const entries = new Map([[octetsToHex(about.issuer), ofIssuer]]);
  while (list !== undefined && !list.done) {
    const entry = list.enter(tags.sequence);
    const serial = octetsToHex(integerContent(entry.next(tags.integer)));
    const revokedAt = readCertificateTime(entry.any());
    const extensionList = entry.enterOptional(tags.sequence);
    entry.end();
    let isRemoved = false;
    if (extensionList !== undefined) {
      const extensions = readExtensionList(extensionList);
      requireSupported(extensions, entryExtensions);
      isRemoved = reasonOf(extensions.get(oid.reasonCode)?.value) === revocationReasons.removeFromCRL;
      const issuer = extensions.get(oid.certificateIssuer)?.value;
      // Section 5.3.3: the issuer also applies to the entries that follow.
      if (issuer !== undefined) {
        if (!about.isIndirect) throw malformedDer('the list is not indirect, but names another issuer');
        const name = octetsToHex(directoryNameIn(issuer));
        ofIssuer = entries.get(name) ?? new Map<string, ListEntry>();
        entries.set(name, ofIssuer);
      }
    }
    if (isRemoved && !about.isDelta) throw malformedDer('only a delta list removes an entry');
    if (!ofIssuer.has(serial)) ofIssuer.set(serial, isRemoved ? 'removed' : revokedAt);
  }
  return entries;
}

function reasonOf(value: Uint8Array | undefined): number | undefined {
  if (value === undefined) return undefined;
  const reader = readDer(value);
  const [reason] = reader.next(tags.enumerated).content;
  reader.end();
  return reason;
}

function directoryNameIn(generalNames: Uint8Array): Uint8Array {
  const names = readDerSequence(generalNames);
  const name = readGeneralName(names);
  if (name.kind !== 'directory')
    throw malformedDer('an entry names its issuer by something other than a directory name');
  return name.name;
}

/** RFC 5280 sections 5.2 and 5.3: an unsupported critical extension makes the whole list unusable. */
function requireSupported(
  extensions: ReadonlyMap<string, { readonly critical: boolean }>,
  supported: ReadonlySet<string>,
): void {
  for (const [id, { critical }] of extensions)
    if (critical && !supported.has(id))
      throw malformedDer(`the revocation list has the unsupported critical extension ${id}`);
}
