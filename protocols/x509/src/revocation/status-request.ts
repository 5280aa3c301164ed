import type { ParsedCertificate } from '../certificates/certificate.ts';
import { hashOf } from '../crypto.ts';
import { readDerSequence } from '../der/der-reader.ts';
import { derElement, derNull, derObjectIdentifier, derOctetString, derSequence } from '../der/der-writer.ts';
import { readBitOctets } from '../der/read-values.ts';
import { tags } from '../der/tags.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';

/**
 * Asks for the status of one certificate (RFC 6960 section 4.1), without a nonce: responders answer from what they have
 * signed before, and the age of the answer is what bounds a replay. The issuer is named by SHA-1, as every responder
 * understands it (RFC 5019 section 2.1.1); it proves nothing.
 */
export function encodeStatusRequest(certificate: ParsedCertificate, issuer: ParsedCertificate): Uint8Array {
  const id = derSequence(
    derSequence(derObjectIdentifier(oid.sha1), derNull()),
    derOctetString(hashOf('sha1', issuer.subject)),
    derOctetString(hashOf('sha1', keyBitsOf(issuer))),
    derElement(tags.integer, certificate.serial),
  );
  return derSequence(derSequence(derSequence(derSequence(id))));
}

/** The octets of a key without what says which kind it is. */
export function keyBitsOf({ publicKey }: ParsedCertificate): Uint8Array {
  const info = readDerSequence(publicKey);
  info.next(tags.sequence);
  return readBitOctets(info.next(tags.bitString));
}
