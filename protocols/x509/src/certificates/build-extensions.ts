import {
  contextConstructed,
  contextPrimitive,
  derBoolean,
  derElement,
  derInteger,
  derNamedBits,
  derNull,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  readBitOctets,
  readDerSequence,
  tags,
} from '../der/index.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { hashOf } from '../signatures/verify-signature.ts';
import { encodeGeneralName, type NewGeneralName } from './build-names.ts';
import { type KeyUsage, keyUsageBits } from './extensions.ts';

/** Extensions of a new certificate (RFC 5280 section 4.2). The standards decide which of them are critical. */
export interface NewExtensions {
  /** Critical. */
  readonly basicConstraints?: { readonly authority: boolean; readonly pathLength?: number };
  /** Critical. */
  readonly keyUsage?: readonly KeyUsage[];
  /** Object identifiers. Critical on request, as RFC 3161 demands it for time stamping. */
  readonly extendedKeyUsage?: { readonly purposes: readonly string[]; readonly critical?: boolean };
  /** Critical when the subject is empty. */
  readonly subjectAltName?: readonly NewGeneralName[];
  readonly subjectKeyIdentifier?: Uint8Array;
  readonly authorityKeyIdentifier?: Uint8Array;
  /** Critical. */
  readonly nameConstraints?: {
    readonly permitted?: readonly NewGeneralName[];
    readonly excluded?: readonly NewGeneralName[];
  };
  /** Object identifiers. */
  readonly certificatePolicies?: readonly string[];
  /** Addresses of revocation lists, each a distribution point of its own. */
  readonly crlDistributionPoints?: readonly string[];
  /** Addresses of OCSP responders and of the issuer's certificate. */
  readonly authorityInfoAccess?: { readonly ocsp?: readonly string[]; readonly issuers?: readonly string[] };
  /** No revocation information will be published (RFC 9608). */
  readonly noRevAvail?: true;
  /** The revocation of this OCSP responder need not be checked (RFC 6960 section 4.2.2.2.1). */
  readonly ocspNoCheck?: true;
  readonly others?: readonly NewExtension[];
}

export interface NewExtension {
  readonly id: string;
  readonly critical: boolean;
  /** DER of the value. */
  readonly value: Uint8Array;
}

/** One Extension of a certificate, a revocation list or an OCSP message. */
export function encodeExtension({ id, critical, value }: NewExtension): Uint8Array {
  return derSequence(derObjectIdentifier(id), ...(critical ? [derBoolean(true)] : []), derOctetString(value));
}

/** @throws CodedError `name_invalid`; `der_malformed` for an invalid object identifier */
export function encodeExtensions(extensions: NewExtensions, subjectIsEmpty: boolean): readonly Uint8Array[] {
  return [...standardExtensions(extensions, subjectIsEmpty), ...(extensions.others ?? [])].map(encodeExtension);
}

function* standardExtensions(extensions: NewExtensions, subjectIsEmpty: boolean): Generator<NewExtension> {
  const { basicConstraints, keyUsage, extendedKeyUsage, subjectAltName, nameConstraints } = extensions;
  const { subjectKeyIdentifier, authorityKeyIdentifier, certificatePolicies } = extensions;
  const { crlDistributionPoints, authorityInfoAccess, noRevAvail, ocspNoCheck } = extensions;
  if (basicConstraints !== undefined) {
    const { authority, pathLength } = basicConstraints;
    const value = derSequence(
      ...(authority ? [derBoolean(true)] : []),
      ...(pathLength === undefined ? [] : [derInteger(pathLength)]),
    );
    yield { id: oid.basicConstraints, critical: true, value };
  }
  if (keyUsage !== undefined)
    yield { id: oid.keyUsage, critical: true, value: derNamedBits(keyUsage.map((usage) => keyUsageBits[usage])) };
  if (extendedKeyUsage !== undefined) {
    const value = derSequence(...extendedKeyUsage.purposes.map(derObjectIdentifier));
    yield { id: oid.extendedKeyUsage, critical: extendedKeyUsage.critical === true, value };
  }
  if (subjectAltName !== undefined)
    yield { id: oid.subjectAltName, critical: subjectIsEmpty, value: generalNames(subjectAltName) };
  if (subjectKeyIdentifier !== undefined)
    yield { id: oid.subjectKeyIdentifier, critical: false, value: derOctetString(subjectKeyIdentifier) };
  if (authorityKeyIdentifier !== undefined) yield authorityKeyIdentifierExtension(authorityKeyIdentifier);
  if (nameConstraints !== undefined) {
    const value = derSequence(...subtrees(0, nameConstraints.permitted), ...subtrees(1, nameConstraints.excluded));
    yield { id: oid.nameConstraints, critical: true, value };
  }
  if (certificatePolicies !== undefined) {
    const value = derSequence(...certificatePolicies.map((policy) => derSequence(derObjectIdentifier(policy))));
    yield { id: oid.certificatePolicies, critical: false, value };
  }
  if (crlDistributionPoints !== undefined) {
    const value = derSequence(...crlDistributionPoints.map((uri) => derSequence(encodeDistributionPointName([uri]))));
    yield { id: oid.crlDistributionPoints, critical: false, value };
  }
  if (authorityInfoAccess !== undefined) {
    const { ocsp = [], issuers = [] } = authorityInfoAccess;
    const value = derSequence(
      ...ocsp.map((uri) => accessDescription(oid.ocsp, uri)),
      ...issuers.map((uri) => accessDescription(oid.accessToIssuers, uri)),
    );
    yield { id: oid.authorityInfoAccess, critical: false, value };
  }
  if (noRevAvail === true) yield { id: oid.noRevAvail, critical: false, value: derNull() };
  if (ocspNoCheck === true) yield { id: oid.ocspNoCheck, critical: false, value: derNull() };
}

export function authorityKeyIdentifierExtension(keyIdentifier: Uint8Array): NewExtension {
  const value = derSequence(derElement(contextPrimitive(0), keyIdentifier));
  return { id: oid.authorityKeyIdentifier, critical: false, value };
}

/** `[0] DistributionPointName` with a full name of these addresses (RFC 5280 section 4.2.1.13). */
export function encodeDistributionPointName(uris: readonly string[]): Uint8Array {
  const names = uris.map((text) => encodeGeneralName({ kind: 'uri', text }));
  return derElement(contextConstructed(0), derElement(contextConstructed(0), ...names));
}

/** Method 1 of RFC 7093 section 2: the leftmost 160 bits of the SHA-256 of the key. @param publicKey SubjectPublicKeyInfo */
export function keyIdentifierOf(publicKey: Uint8Array): Uint8Array {
  return hashOf('sha256', keyOctetsOf(publicKey)).subarray(0, 20);
}

/** The key octets of a SubjectPublicKeyInfo, without the algorithm. @throws CodedError `der_malformed` */
export function keyOctetsOf(publicKey: Uint8Array): Uint8Array {
  const info = readDerSequence(publicKey);
  info.next(tags.sequence);
  return readBitOctets(info.next(tags.bitString));
}

const generalNames = (names: readonly NewGeneralName[]): Uint8Array => derSequence(...names.map(encodeGeneralName));

/** GeneralSubtrees: minimum 0 is the default and not encoded (RFC 5280 section 4.2.1.10). */
function subtrees(number: 0 | 1, bases: readonly NewGeneralName[] = []): readonly Uint8Array[] {
  if (bases.length === 0) return [];
  return [derElement(contextConstructed(number), ...bases.map((base) => derSequence(encodeGeneralName(base))))];
}

const accessDescription = (method: string, text: string): Uint8Array =>
  derSequence(derObjectIdentifier(method), encodeGeneralName({ kind: 'uri', text }));
