import { encodeSignature, type NewSignature } from '../certificates/build-certificate.ts';
import {
  authorityKeyIdentifierExtension,
  encodeDistributionPointName,
  encodeExtension,
} from '../certificates/build-extensions.ts';
import {
  contextConstructed,
  contextPrimitive,
  derCertificateTime,
  derElement,
  derEnumerated,
  derGeneralizedTime,
  derInteger,
  derSequence,
} from '../der/index.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { encodeSignatureAlgorithm, type SigningAlgorithm } from '../signatures/sign-algorithms.ts';
import { type RevocationReason, revocationReasons } from './revocation-reasons.ts';

export interface NewRevocationList {
  readonly algorithm: SigningAlgorithm;
  /** DER of the issuer's Name, as in the issuer's certificate. */
  readonly issuer: Uint8Array;
  /** Subject key identifier of the issuer's certificate. */
  readonly authorityKeyIdentifier: Uint8Array;
  /** Milliseconds since the epoch; the list has whole seconds. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** Rises with every list of one scope (RFC 5280 section 5.2.3). */
  readonly number: bigint;
  /** Which certificates the list covers. Undefined: all of the issuer. */
  readonly scope?: RevocationListScope;
  readonly entries: readonly NewRevocationEntry[];
}

/** Written as critical IssuingDistributionPoint (RFC 5280 section 5.2.5). */
export interface RevocationListScope {
  /** The exact address that the covered certificates name as their distribution point. */
  readonly distributionPoint?: string;
  readonly only?: 'subscriber-certificates' | 'authority-certificates';
}

export interface NewRevocationEntry {
  readonly serial: bigint;
  /** Milliseconds since the epoch. */
  readonly revokedAt: number;
  readonly reason?: Exclude<RevocationReason, 'removeFromCRL'>;
  /** When the key was probably compromised, in milliseconds since the epoch. */
  readonly invalidityDate?: number;
}

/**
 * The octets of a revocation list that its issuer signs: TBSCertList, version 2 (RFC 5280 section 5.1).
 *
 * @throws CodedError `name_invalid`
 */
export function buildTbsRevocationList(list: NewRevocationList): Uint8Array {
  const extensions = [
    authorityKeyIdentifierExtension(list.authorityKeyIdentifier),
    { id: oid.crlNumber, critical: false, value: derInteger(list.number) },
    ...(list.scope === undefined
      ? []
      : [{ id: oid.issuingDistributionPoint, critical: true, value: encodeScope(list.scope) }]),
  ];
  return derSequence(
    derInteger(1),
    encodeSignatureAlgorithm(list.algorithm),
    list.issuer,
    derCertificateTime(list.thisUpdate),
    derCertificateTime(list.nextUpdate),
    // Section 5.1.2.6: without revoked certificates the field is absent.
    ...(list.entries.length === 0 ? [] : [derSequence(...list.entries.map(encodeEntry))]),
    derElement(contextConstructed(0), derSequence(...extensions.map(encodeExtension))),
  );
}

/** DER of a revocation list. @param toBeSigned from `buildTbsRevocationList`, with the same algorithm */
export function assembleRevocationList(toBeSigned: Uint8Array, signature: NewSignature): Uint8Array {
  return derSequence(toBeSigned, ...encodeSignature(signature));
}

function encodeScope({ distributionPoint, only }: RevocationListScope): Uint8Array {
  const onlyTag = only === undefined ? [] : [only === 'subscriber-certificates' ? 1 : 2];
  return derSequence(
    ...(distributionPoint === undefined ? [] : [encodeDistributionPointName([distributionPoint])]),
    ...onlyTag.map((number) => derElement(contextPrimitive(number), Uint8Array.of(0xff))),
  );
}

function encodeEntry({ serial, revokedAt, reason, invalidityDate }: NewRevocationEntry): Uint8Array {
  const extensions = [
    // Section 5.3.1: the reason `unspecified` is expressed by its absence.
    ...(reason === undefined || reason === 'unspecified'
      ? []
      : [{ id: oid.reasonCode, critical: false, value: derEnumerated(revocationReasons[reason]) }]),
    ...(invalidityDate === undefined
      ? []
      : [{ id: oid.invalidityDate, critical: false, value: derWholeSeconds(invalidityDate) }]),
  ];
  return derSequence(
    derInteger(serial),
    derCertificateTime(revokedAt),
    ...(extensions.length === 0 ? [] : [derSequence(...extensions.map(encodeExtension))]),
  );
}

/** GeneralizedTime without a fraction (RFC 5280 section 4.1.2.5.2). */
export function derWholeSeconds(milliseconds: number): Uint8Array {
  return derGeneralizedTime(Math.floor(milliseconds / 1000) * 1000);
}
