import { keyUsageBits } from '../certificates/extensions.ts';
import {
  contextConstructed,
  derBitString,
  derBoolean,
  derCertificateTime,
  derElement,
  derInteger,
  derNamedBits,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  derSetOf,
  derUtf8,
  tags,
} from '../der/index.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { ecdsaSignatureToDer, type SignOctets } from '../signatures/ecdsa-signature.ts';
import { hashOf } from '../signatures/verify-signature.ts';

export interface NewAuthorityCertificate {
  /** Common name, e.g. `Countersign time stamps`. */
  readonly name: string;
  /** Legal name of the operator. */
  readonly organization?: string;
  /** Coordinates of the P-256 public key, 32 octets each. */
  readonly publicKey: { readonly x: Uint8Array; readonly y: Uint8Array };
  /** Positive, at most 20 octets (RFC 5280 section 4.1.2.2). */
  readonly serial: bigint;
  /** Milliseconds since the epoch, as is `notAfter`; the certificate has whole seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly sign: SignOctets;
}

/**
 * Builds the self-signed certificate of a time-stamping authority: ES256, no certification authority, key usage digital
 * signature, and as its only, critical purpose time stamping (RFC 3161 section 2.3). Verifiers pin the certificate.
 */
export async function buildAuthorityCertificate(certificate: NewAuthorityCertificate): Promise<Uint8Array> {
  const algorithm = derSequence(derObjectIdentifier(oid.ecdsaWithSha256));
  const point = pointOf(certificate.publicKey);
  const name = distinguishedName([
    ...(certificate.organization === undefined ? [] : [[oid.organizationName, certificate.organization] as const]),
    [oid.commonName, certificate.name],
  ]);
  const toBeSigned = derSequence(
    derElement(contextConstructed(0), derInteger(2)),
    derInteger(certificate.serial),
    algorithm,
    name,
    derSequence(derCertificateTime(certificate.notBefore), derCertificateTime(certificate.notAfter)),
    name,
    derSequence(derSequence(derObjectIdentifier(oid.ecPublicKey), derObjectIdentifier(oid.p256)), derBitString(point)),
    derElement(contextConstructed(3), derSequence(...extensionsOf(point))),
  );
  return derSequence(toBeSigned, algorithm, derBitString(ecdsaSignatureToDer(await certificate.sign(toBeSigned))));
}

function pointOf({ x, y }: NewAuthorityCertificate['publicKey']): Uint8Array {
  if (x.length !== 32 || y.length !== 32) throw new Error('a point on P-256 has two coordinates of 32 octets');
  return Uint8Array.of(4, ...x, ...y);
}

function extensionsOf(point: Uint8Array): readonly Uint8Array[] {
  // RFC 5280 section 4.2.1.2, method 1, with a truncated SHA-256 instead of SHA-1 (RFC 7093 section 2).
  const keyIdentifier = hashOf('sha256', point).subarray(0, 20);
  return [
    extension(oid.basicConstraints, true, derSequence()),
    extension(oid.keyUsage, true, derNamedBits([keyUsageBits.digitalSignature])),
    extension(oid.extendedKeyUsage, true, derSequence(derObjectIdentifier(oid.timeStamping))),
    extension(oid.subjectKeyIdentifier, false, derOctetString(keyIdentifier)),
  ];
}

function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return derSequence(derObjectIdentifier(id), ...(critical ? [derBoolean(true)] : []), derOctetString(value));
}

function distinguishedName(attributes: readonly (readonly [type: string, value: string])[]): Uint8Array {
  return derSequence(
    ...attributes.map(([type, value]) => derSetOf(tags.set, [derSequence(derObjectIdentifier(type), derUtf8(value))])),
  );
}
