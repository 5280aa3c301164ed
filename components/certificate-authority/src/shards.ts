/** Number of revocation lists of an authority. Constant, because certificates name their list. */
export const shardCount = 8;

/** The revocation list of a certificate. @param serial hexadecimal */
export function shardOf(serial: string): number {
  return Number.parseInt(serial.slice(-2), 16) % shardCount;
}
