import { derInteger, derSequence } from '../der/der-writer.ts';
import { octetsToHex } from '../octets.ts';

/** `Ecdsa-Sig-Value` (RFC 3279 section 2.2.3) of an ES256 signature as JOSE writes it. */
export function ecdsaSignatureToDer(raw: Uint8Array): Uint8Array {
  if (raw.length !== 64) throw new Error(`an ES256 signature has 64 octets, not ${raw.length}`);
  const half = (from: number) => derInteger(BigInt(`0x${octetsToHex(raw.subarray(from, from + 32))}`));
  return derSequence(half(0), half(32));
}
