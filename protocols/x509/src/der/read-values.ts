import { malformedDer } from '../errors.ts';
import type { DerElement } from './der-reader.ts';

/** An INTEGER's content as it stands, when it is as short as DER wants it (X.690 section 8.3.2). */
export function integerContent({ content }: DerElement): Uint8Array {
  const [first, second] = content;
  if (first === undefined) throw malformedDer('an integer without octets');
  if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
    throw malformedDer('an integer that is longer than it need be');
  return content;
}

/** @param most octets it may have, 21 by default: 160 bits and a sign */
export function readInteger(element: DerElement, most = 21): bigint {
  const content = integerContent(element);
  if (content.length > most) throw malformedDer('an integer that is too large');
  let value = 0n;
  for (const octet of content) value = (value << 8n) | BigInt(octet);
  return (content[0] ?? 0) < 0x80 ? value : value - (1n << BigInt(8 * content.length));
}

/** A number of at most 32 bits. */
export function readSmallInteger(element: DerElement): number {
  return Number(readInteger(element, 4));
}

export function readBoolean({ content }: DerElement): boolean {
  const [octet] = content;
  if (content.length !== 1 || (octet !== 0 && octet !== 0xff)) throw malformedDer('a boolean that is neither');
  return octet === 0xff;
}

/** The octets of a BIT STRING without unused bits. */
export function readBitOctets({ content }: DerElement): Uint8Array {
  if (content[0] !== 0) throw malformedDer('a bit string that is not one of octets');
  return content.subarray(1);
}

/** The numbers of the bits that are set in a named bit list (X.690 section 11.2). */
export function readNamedBits({ content }: DerElement): ReadonlySet<number> {
  const [unused] = content;
  if (unused === undefined || unused > 7 || content.length > 9) throw malformedDer('a bit string that is none');
  const set = new Set<number>();
  const bits = (content.length - 1) * 8 - unused;
  for (let bit = 0; bit < bits; bit++) {
    if (((content[1 + (bit >>> 3)] ?? 0) & (0x80 >>> (bit & 7))) !== 0) set.add(bit);
  }
  return set;
}

/** The dotted form of an OBJECT IDENTIFIER; arcs may be as large as those made of a UUID (`2.25`, ITU-T X.667). */
export function readObjectIdentifier({ content }: DerElement): string {
  if (content.length > 64) throw malformedDer('an object identifier that is too long');
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const octet of content) {
    // X.690 section 8.19.2: an arc does not begin with a septet of zeros.
    if (arc === 0n && octet === 0x80) throw malformedDer('an object identifier with an arc that begins with zeros');
    arc = (arc << 7n) | BigInt(octet & 0x7f);
    if (octet < 0x80) {
      arcs.push(arc);
      arc = 0n;
    }
  }
  const [first, ...others] = arcs;
  if (first === undefined || (content.at(-1) ?? 0x80) >= 0x80) throw malformedDer('an object identifier that is none');
  const root = first < 40n ? 0n : first < 80n ? 1n : 2n;
  return [root, first - root * 40n, ...others].join('.');
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function readUtf8({ content }: DerElement): string {
  try {
    return decoder.decode(content);
  } catch {
    throw malformedDer('text that is not UTF-8');
  }
}
