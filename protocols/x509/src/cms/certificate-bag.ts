import {
  contextConstructed,
  derElement,
  derInteger,
  derObjectIdentifier,
  derSequence,
  derSetOf,
  tags,
} from '../der/index.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';

/**
 * A certs-only CMS message: SignedData without content and signatures (RFC 5652 section 5.1), as in EST responses (RFC
 * 7030 sections 4.1.3 and 4.2.3). It proves nothing: verify each certificate.
 * @param certificates DER; the message orders them by their octets
 */
export function encodeCertificateBag(certificates: readonly Uint8Array[]): Uint8Array {
  const signedData = derSequence(
    derInteger(1),
    derElement(tags.set),
    derSequence(derObjectIdentifier(oid.data)),
    derSetOf(contextConstructed(0), certificates),
    derElement(tags.set),
  );
  return derSequence(derObjectIdentifier(oid.signedData), derElement(contextConstructed(0), signedData));
}
