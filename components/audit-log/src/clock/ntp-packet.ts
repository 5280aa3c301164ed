/** Seconds from 1900 to 1970 (RFC 5905 section 6). */
const unixEpoch = 2_208_988_800;
const packetBytes = 48;

/** Times in microseconds since 1970; the others are durations in microseconds. */
export interface NtpAnswer {
  readonly stratum: number;
  readonly receivedUs: number;
  readonly sentUs: number;
  readonly rootDelayUs: number;
  readonly rootDispersionUs: number;
  readonly precisionUs: number;
}

/** A client's request (RFC 4330 section 5). Its transmit timestamp is a nonce, which the server returns. */
export function ntpRequest(nonce: Uint8Array): Buffer {
  const packet = Buffer.alloc(packetBytes);
  // Leap indicator 0, version 4, mode 3 (client).
  packet[0] = 0b00_100_011;
  packet.set(nonce.subarray(0, 8), 40);
  return packet;
}

/** @returns a reason when this is not an answer of a synchronised server to this request (RFC 4330 section 5) */
export function readNtpAnswer(packet: Buffer, nonce: Uint8Array): NtpAnswer | { readonly reason: string } {
  if (packet.length < packetBytes) return { reason: 'the answer is too short' };
  const first = packet.readUInt8(0);
  const [leap, version, mode] = [first >> 6, (first >> 3) & 7, first & 7];
  if (mode !== 4 || version < 3 || version > 4) return { reason: 'it is not the answer of an NTP server' };
  if (!packet.subarray(24, 32).equals(nonce.subarray(0, 8))) return { reason: 'it answers another request' };
  const stratum = packet.readUInt8(1);
  if (stratum === 0) return { reason: `the server refused the request (${packet.toString('latin1', 12, 16)})` };
  if (leap === 3 || stratum > 15) return { reason: 'the server is not synchronised' };
  const receivedUs = timestampUs(packet, 32);
  const sentUs = timestampUs(packet, 40);
  if (receivedUs === undefined || sentUs === undefined || sentUs < receivedUs)
    return { reason: 'the answer has no valid timestamps' };
  const rootDelayUs = shortUs(packet.readUInt32BE(4));
  const rootDispersionUs = shortUs(packet.readUInt32BE(8));
  // RFC 5905 section 7.2, MAXDISP.
  if (rootDelayUs / 2 + rootDispersionUs > 16_000_000) return { reason: 'the uncertainty of the server is too large' };
  return { stratum, receivedUs, sentUs, rootDelayUs, rootDispersionUs, precisionUs: 2 ** packet.readInt8(3) * 1e6 };
}

/** 32 bits of seconds and 32 bits of fraction; undefined for zero, which means unknown. */
function timestampUs(packet: Buffer, at: number): number | undefined {
  const seconds = packet.readUInt32BE(at);
  const fraction = packet.readUInt32BE(at + 4);
  if (seconds === 0 && fraction === 0) return undefined;
  // Seconds restart in 2036: values without the highest bit belong to the next era (RFC 4330 section 3).
  const era = seconds < 0x8000_0000 ? 2 ** 32 : 0;
  return (seconds + era - unixEpoch) * 1e6 + Math.round((fraction / 2 ** 32) * 1e6);
}

/** 16 bits of seconds and 16 of fraction. */
function shortUs(value: number): number {
  return (value / 2 ** 16) * 1e6;
}
