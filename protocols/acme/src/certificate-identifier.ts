import { decodeBase64Url } from '@countersign/kernel';

/** Names a certificate by its authority's key and its serial number (RFC 9773 section 4.1). */
export interface CertificateIdentifier {
  /** `keyIdentifier` of the authority key identifier. */
  readonly authorityKey: Uint8Array;
  /** Hexadecimal, without the octet that keeps the number positive. */
  readonly serial: string;
}

/**
 * @returns undefined when the text is not the canonical form of an identifier
 */
export function readCertificateIdentifier(text: string): CertificateIdentifier | undefined {
  const [key = '', serial = '', ...more] = text.length <= 128 ? text.split('.') : [];
  const authorityKey = decodeBase64Url(key);
  const octets = decodeBase64Url(serial);
  if (more.length > 0 || authorityKey === undefined || octets === undefined) return undefined;
  if (authorityKey.length === 0 || octets.length === 0 || octets.length > 21) return undefined;
  const [first = 0, second = 0] = octets;
  // The content octets of a positive INTEGER in DER are minimal.
  if (first >= 0x80 || (first === 0 && second < 0x80)) return undefined;
  const hexadecimal = Buffer.from(octets).toString('hex');
  return { authorityKey, serial: first === 0 ? hexadecimal.slice(2) : hexadecimal };
}

export function writeCertificateIdentifier({ authorityKey, serial }: CertificateIdentifier): string {
  const octets = Buffer.from(Number.parseInt(serial.slice(0, 2), 16) >= 0x80 ? `00${serial}` : serial, 'hex');
  return `${Buffer.from(authorityKey).toString('base64url')}.${octets.toString('base64url')}`;
}
