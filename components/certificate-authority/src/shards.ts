/** Revocation lists of an authority. A constant of the release: certificates name their list, so it must not change. */
export const shardCount = 8;

/** The revocation list of a certificate. @param serial hexadecimal */
export function shardOf(serial: string): number {
  return Number.parseInt(serial.slice(-2), 16) % shardCount;
}
