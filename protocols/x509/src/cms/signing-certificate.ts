import { hashNameOf, readAlgorithmIdentifier } from '../algorithms.ts';
import type { ParsedCertificate } from '../certificates/certificate.ts';
import { hashOf } from '../crypto.ts';
import { type DerReader, readDerSequence } from '../der/der-reader.ts';
import { integerContent } from '../der/read-values.ts';
import { contextConstructed, tags } from '../der/tags.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { sameOctets } from '../octets.ts';
import type { HashName } from '../signature-scheme.ts';
import type { SignerInfo } from './signed-data.ts';

/** What a signer says its certificate is (RFC 5035 sections 3 and 4): the signature then holds for no other. */
export interface CertificateIdentifier {
  readonly hash: HashName;
  readonly digest: Uint8Array;
  readonly issuerSerial?: { readonly issuer: Uint8Array; readonly serial: Uint8Array };
}

/**
 * The first certificate of `SigningCertificateV2`, or of `SigningCertificate`, which RFC 5816 still allows: SHA-1 is no
 * more than a name there, for a certificate that has to be signed and trusted by itself.
 *
 * @returns undefined when the signer names none
 * @throws CodedError `der_malformed`, `algorithm_unsupported`
 */
export function signingCertificateOf({ attributes }: SignerInfo): CertificateIdentifier | undefined {
  const [second, first] = [attributes.get(oid.signingCertificateV2), attributes.get(oid.signingCertificate)];
  const value = second?.[0] ?? first?.[0];
  if (value === undefined) return undefined;
  const certificates = readDerSequence(value).enter(tags.sequence);
  const identifier = certificates.enter(tags.sequence);
  const algorithm = second === undefined ? undefined : identifier.enterOptional(tags.sequence);
  const named = algorithm === undefined ? 'sha256' : hashNameOf(readAlgorithmIdentifier(algorithm));
  const hash = second === undefined ? 'sha1' : named;
  const digest = identifier.next(tags.octetString).content;
  const issuerSerial = readIssuerSerial(identifier.enterOptional(tags.sequence));
  identifier.end();
  return { hash, digest, ...(issuerSerial === undefined ? {} : { issuerSerial }) };
}

/** IssuerSerial: GeneralNames with the one directory name of the issuer, and the serial number. */
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

export function isIdentified(certificate: ParsedCertificate, by: CertificateIdentifier): boolean {
  return (
    sameOctets(hashOf(by.hash, certificate.encoding), by.digest) &&
    (by.issuerSerial === undefined ||
      (sameOctets(by.issuerSerial.issuer, certificate.issuer) &&
        sameOctets(by.issuerSerial.serial, certificate.serial)))
  );
}
