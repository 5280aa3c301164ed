import { derInteger, derSequence, integerContent, readDerSequence, tags } from '../der/index.ts';
import { malformedDer } from '../errors.ts';
import { octetsToHex } from '../octets.ts';

/**
 * Signs with ES256; the key stays with its owner.
 * @returns 64 octets, r and s (RFC 7518 section 3.4)
 */
export type SignOctets = (octets: Uint8Array) => Promise<Uint8Array>;

/** `Ecdsa-Sig-Value` (RFC 3279 section 2.2.3) of a signature in JOSE form: r and s of `coordinateOctets` each. */
export function ecdsaSignatureToDer(raw: Uint8Array, coordinateOctets = 32): Uint8Array {
  if (raw.length !== 2 * coordinateOctets)
    throw new Error(`an ECDSA signature has ${raw.length} octets, expected ${2 * coordinateOctets}`);
  const numberOf = (octets: Uint8Array) => derInteger(BigInt(`0x${octetsToHex(octets)}`));
  return derSequence(numberOf(raw.subarray(0, coordinateOctets)), numberOf(raw.subarray(coordinateOctets)));
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
