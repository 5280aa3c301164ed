import type { Random } from '@countersign/kernel';

/**
 * A serial number of 16 octets with 126 random bits (RFC 5280 section 4.1.2.2: positive, at most 20 octets). The id of
 * the issuance record is derived from it, so a certificate leads to its record.
 * @returns 32 hexadecimal digits
 */
export function newSerialNumber(random: Random): string {
  const octets = random.bytes(16);
  // The first two bits are 0 and 1: positive, and never shorter than 16 octets.
  octets[0] = ((octets[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(octets).toString('hex');
}
