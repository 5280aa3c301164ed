import { revokedCertificateThing, type StandingReader } from '@countersign/contracts';

/** Serial numbers of our certificate authority have 16 octets. */
const ownSerialDigits = 32;

/**
 * Whether our certificate authority has revoked a certificate. The log says so, so every process knows at once, and a restored
 * database cannot undo it. Certificates of other authorities are not looked up: they end by the registration of their client.
 *
 * @param serial hexadecimal
 * @throws CodedError `log_unavailable`
 */
export async function isRevokedCertificate(serial: string, log: StandingReader): Promise<boolean> {
  const digits = serial.toLowerCase().replace(/^0+/, '');
  if (digits.length > ownSerialDigits) return false;
  const thing = revokedCertificateThing(digits.padStart(ownSerialDigits, '0'));
  return (await log.standings([thing])).get(thing)?.digest !== undefined;
}
