import type { ParsedCertificate } from '../certificates/certificate.ts';
import { contextConstructed, type DerReader, integerContent, readDerSequence, tags } from '../der/index.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { sameOctets } from '../octets.ts';
import { type HashName, hashNameOf, readAlgorithmIdentifier } from '../signatures/algorithms.ts';
import { hashOf } from '../signatures/verify-signature.ts';
import type { SignerInfo } from './signed-data.ts';

/** The certificate that a signer names under its signature (RFC 5035 sections 3 and 4). */
export interface CertificateIdentifier {
  readonly hash: HashName;
  readonly digest: Uint8Array;
  readonly issuerSerial?: { readonly issuer: Uint8Array; readonly serial: Uint8Array };
}

/**
 * The first certificate of `SigningCertificateV2`, or of `SigningCertificate`, which RFC 5816 still allows. SHA-1 is
 * acceptable there: it only selects a certificate, which must be trusted on its own.
 *
 * @returns undefined when the signer names no certificate
 * @throws CodedError `der_malformed`, `algorithm_unsupported`
 */
export function signingCertificateOf({ attributes }: SignerInfo): CertificateIdentifier | undefined {
  const version2 = attributes.get(oid.signingCertificateV2);
  const value = version2?.[0] ?? attributes.get(oid.signingCertificate)?.[0];
  if (value === undefined) return undefined;
  const certificates = readDerSequence(value).enter(tags.sequence);
  const identifier = certificates.enter(tags.sequence);
  const algorithm = version2 === undefined ? undefined : identifier.enterOptional(tags.sequence);
  const hashOfVersion2 = algorithm === undefined ? 'sha256' : hashNameOf(readAlgorithmIdentifier(algorithm));
  const hash = version2 === undefined ? 'sha1' : hashOfVersion2;
  const digest = identifier.next(tags.octetString).content;
  const issuerSerial = readIssuerSerial(identifier.enterOptional(tags.sequence));
  identifier.end();
  return { hash, digest, ...(issuerSerial === undefined ? {} : { issuerSerial }) };
}

/** IssuerSerial: GeneralNames with exactly the directory name of the issuer, and the serial number. */
function readIssuerSerial(reader: DerReader | undefined): CertificateIdentifier['issuerSerial'] {
  if (reader === undefined) return undefined;
  const names = reader.enter(tags.sequence);
  const directoryName = names.enter(contextConstructed(4));
  const issuer = directoryName.next(tags.sequence).encoding;
  directoryName.end();
  names.end();
  const serial = integerContent(reader.next(tags.integer));
  reader.end();
  return { issuer, serial };
}

export function matchesIdentifier(certificate: ParsedCertificate, identifier: CertificateIdentifier): boolean {
  return (
    sameOctets(hashOf(identifier.hash, certificate.encoding), identifier.digest) &&
    (identifier.issuerSerial === undefined ||
      (sameOctets(identifier.issuerSerial.issuer, certificate.issuer) &&
        sameOctets(identifier.issuerSerial.serial, certificate.serial)))
  );
}
