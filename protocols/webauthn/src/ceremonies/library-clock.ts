import type { ParsedCertificate } from '@countersign/x509';
import { contextConstructed, readDer, readDerSequence, tags } from '@countersign/x509/der';
import { SettingsService, verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server';

// The one door to the library. It brings roots of its own for some formats and, where it has a root, fetches the
// revocation lists that a certificate names: addresses of the sender's choice. Without roots it verifies what was signed
// and leaves the chain to us, who ask nobody.
for (const identifier of ['apple', 'android-key', 'android-safetynet', 'packed', 'tpm', 'fido-u2f'] as const)
  SettingsService.setRootCertificates({ identifier, certificates: [] });

export { verifyAuthenticationResponse, verifyRegistrationResponse };

/** From 1970 to 2049, or to the end: as long as either form of a time reaches (RFC 5280 section 4.1.2.5). */
const always = [
  { utc: '700101000000Z', generalized: '19700101000000Z' },
  { utc: '491231235959Z', generalized: '99991231235959Z' },
] as const;

/**
 * The attestation object for the library, which holds the first certificate against the clock of this machine and cannot be
 * told another time. What it is given has a validity that no clock refuses, and is the same in every other octet. It loses
 * nothing by that: it does not verify signatures of certificates where it has no roots, and no attestation signs its chain.
 * The validity that the certificate states counts where its chain is judged, at the time that the caller says.
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
      throw new Error('the certificate was read from elsewhere');
    changed.set(Buffer.from(text), start);
  }
  return changed;
}
