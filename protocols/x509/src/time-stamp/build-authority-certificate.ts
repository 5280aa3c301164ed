import { assembleCertificate, buildTbsCertificate } from '../certificates/build-certificate.ts';
import { keyIdentifierOf } from '../certificates/build-extensions.ts';
import { encodeDirectoryName } from '../certificates/build-names.ts';
import { derBitString, derObjectIdentifier, derSequence } from '../der/index.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import type { SignOctets } from '../signatures/ecdsa-signature.ts';

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
  const { serial, notBefore, notAfter, organization } = certificate;
  const name = encodeDirectoryName([
    ...(organization === undefined ? [] : [['organizationName', organization] as const]),
    ['commonName', certificate.name],
  ]);
  const publicKey = encodePublicKey(certificate.publicKey);
  const toBeSigned = buildTbsCertificate({
    serial,
    algorithm: 'ES256',
    issuer: name,
    subject: name,
    notBefore,
    notAfter,
    publicKey,
    extensions: {
      basicConstraints: { authority: false },
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: { purposes: [oid.timeStamping], critical: true },
      subjectKeyIdentifier: keyIdentifierOf(publicKey),
    },
  });
  return assembleCertificate(toBeSigned, { algorithm: 'ES256', signature: await certificate.sign(toBeSigned) });
}

function encodePublicKey({ x, y }: NewAuthorityCertificate['publicKey']): Uint8Array {
  if (x.length !== 32 || y.length !== 32) throw new Error('a point on P-256 has two coordinates of 32 octets');
  return derSequence(
    derSequence(derObjectIdentifier(oid.ecPublicKey), derObjectIdentifier(oid.p256)),
    derBitString(Uint8Array.of(4, ...x, ...y)),
  );
}
