import { readX509Certificate } from '../certificates/certificate.ts';
import {
  contextConstructed,
  derElement,
  derInteger,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  derSetOf,
  tags,
} from '../der/index.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { encodeHashAlgorithm } from '../signatures/algorithms.ts';
import { ecdsaSignatureToDer, type SignOctets } from '../signatures/ecdsa-signature.ts';
import { hashOf } from '../signatures/verify-signature.ts';
import { encodeTimeStampInfo, type NewTimeStampInfo } from './time-stamp-info.ts';

export interface NewTimeStampToken {
  readonly info: NewTimeStampInfo;
  /** DER of the authority's certificate. */
  readonly certificate: Uint8Array;
  /** Whether the token includes the certificate. */
  readonly certificateIncluded: boolean;
  /** Signs with the certificate's key. */
  readonly sign: SignOctets;
}

/**
 * Builds a time-stamp token signed with ES256 (RFC 3161 section 2.4.2): SignedData of version 3 with the attributes
 * content type, message digest and signing certificate (RFC 5816). There is no signing time, because `genTime` states it.
 */
export async function buildTimeStampToken(token: NewTimeStampToken): Promise<Uint8Array> {
  const info = encodeTimeStampInfo(token.info);
  const { issuer, serial } = readX509Certificate(token.certificate);
  const issuerAndSerial = derSequence(issuer, derElement(tags.integer, serial));
  const attributes = [
    attribute(oid.contentType, derObjectIdentifier(oid.tstInfo)),
    attribute(oid.messageDigest, derOctetString(hashOf('sha256', info))),
    attribute(oid.signingCertificateV2, signingCertificate(token.certificate, issuer, serial)),
  ];
  const signature = ecdsaSignatureToDer(await token.sign(derSetOf(tags.set, attributes)));
  const signerInfo = derSequence(
    derInteger(1),
    issuerAndSerial,
    encodeHashAlgorithm('sha256'),
    derSetOf(contextConstructed(0), attributes),
    derSequence(derObjectIdentifier(oid.ecdsaWithSha256)),
    derOctetString(signature),
  );
  const signedData = derSequence(
    derInteger(3),
    derSetOf(tags.set, [encodeHashAlgorithm('sha256')]),
    derSequence(derObjectIdentifier(oid.tstInfo), derElement(contextConstructed(0), derOctetString(info))),
    ...(token.certificateIncluded ? [derSetOf(contextConstructed(0), [token.certificate])] : []),
    derSetOf(tags.set, [signerInfo]),
  );
  return derSequence(derObjectIdentifier(oid.signedData), derElement(contextConstructed(0), signedData));
}

function attribute(type: string, value: Uint8Array): Uint8Array {
  return derSequence(derObjectIdentifier(type), derSetOf(tags.set, [value]));
}

/** SigningCertificateV2 with one ESSCertIDv2 (RFC 5035 section 4); the default digest SHA-256 is omitted. */
function signingCertificate(certificate: Uint8Array, issuer: Uint8Array, serial: Uint8Array): Uint8Array {
  const generalNames = derSequence(derElement(contextConstructed(4), issuer));
  const issuerSerial = derSequence(generalNames, derElement(tags.integer, serial));
  return derSequence(derSequence(derSequence(derOctetString(hashOf('sha256', certificate)), issuerSerial)));
}
