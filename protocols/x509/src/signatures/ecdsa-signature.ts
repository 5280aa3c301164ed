import { derInteger, derSequence, integerContent, readDerSequence, tags } from '../der/index.ts';
import { malformedDer } from '../errors.ts';
import { octetsToHex } from '../octets.ts';

/** Signs with ES256 and a key that its holder keeps. @returns 64 octets, r and s (RFC 7518 section 3.4) */
export type SignOctets = (octets: Uint8Array) => Promise<Uint8Array>;

/** `Ecdsa-Sig-Value` (RFC 3279 section 2.2.3) of an ES256 signature in JOSE form. */
export function ecdsaSignatureToDer(raw: Uint8Array): Uint8Array {
  if (raw.length !== 64) throw new Error(`an ES256 signature has 64 octets, not ${raw.length}`);
  const half = (from: number) => derInteger(BigInt(`0x${octetsToHex(raw.subarray(from, from + 32))}`));
  return derSequence(half(0), half(32));
}

/**
 * The JOSE form of an `Ecdsa-Sig-Value`: r and s, each padded to `coordinateOctets`. Only strict DER is accepted, so that
 * every verifier accepts the same octets.
 *
 * @throws CodedError `der_malformed`
 */
export function ecdsaSignatureFromDer(der: Uint8Array, coordinateOctets: number): Uint8Array {
  const reader = readDerSequence(der);
  const numbers = [integerContent(reader.next(tags.integer)), integerContent(reader.next(tags.integer))];
  reader.end();
  const raw = new Uint8Array(2 * coordinateOctets);
  for (const [index, number] of numbers.entries()) {
    const [first = 0] = number;
    const magnitude = first === 0 ? number.subarray(1) : number;
    // r and s are positive and not zero (SEC 1 section 4.1.4).
    if (first >= 0x80 || magnitude.length === 0 || magnitude.length > coordinateOctets)
      throw malformedDer('a number of an ECDSA signature is out of range');
    raw.set(magnitude, (index + 1) * coordinateOctets - magnitude.length);
  }
  return raw;
}
