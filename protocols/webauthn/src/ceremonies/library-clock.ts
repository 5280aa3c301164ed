import type { ParsedCertificate } from '@countersign/x509';
import { contextConstructed, readDer, readDerSequence, tags } from '@countersign/x509/der';
import { SettingsService, verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server';

// The only module that imports the library. The library has built-in roots for some formats. With a root, it fetches the
// revocation lists that a certificate names, from addresses of the sender's choice. Without roots, it only verifies the signed
// data; our own code validates the chain without network access.
for (const identifier of ['apple', 'android-key', 'android-safetynet', 'packed', 'tpm', 'fido-u2f'] as const)
  SettingsService.setRootCertificates({ identifier, certificates: [] });

export { verifyAuthenticationResponse, verifyRegistrationResponse };

/** From 1970 to 2049, or to the last representable time: the maximum of each time form (RFC 5280 section 4.1.2.5). */
const always = [
  { utc: '700101000000Z', generalized: '19700101000000Z' },
  { utc: '491231235959Z', generalized: '99991231235959Z' },
] as const;

/**
 * Prepares the attestation object for the library, which checks the first certificate against the system clock and accepts no
 * other time. The copy has an unlimited validity period and is otherwise identical. This is safe: without roots the library
 * does not verify certificate signatures, and no attestation signs its own chain. Our chain validation checks the real
 * validity period at the caller's time.
 *
 * @param leaf read from a view of `attestationObject`
 */
export function withoutValidity(attestationObject: Uint8Array, leaf: ParsedCertificate): Uint8Array {
  const changed = Uint8Array.from(attestationObject);
  const fields = readDer(readDerSequence(leaf.encoding).next(tags.sequence).content);
  fields.optional(contextConstructed(0));
  fields.next(tags.integer);
  fields.next(tags.sequence);
  fields.next(tags.sequence);
  const validity = fields.enter(tags.sequence);
  for (const { utc, generalized } of always) {
    const { tag, content } = validity.any();
    const text = tag === tags.utcTime ? utc : generalized;
    const start = content.byteOffset - attestationObject.byteOffset;
    if (content.buffer !== attestationObject.buffer || content.length !== text.length)
      throw new Error('the certificate is not a view of the attestation object');
    changed.set(Buffer.from(text), start);
  }
  return changed;
}
