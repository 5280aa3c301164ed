import { malformedDer } from '../errors.ts';
import { type DerElement, tags } from './der-reader.ts';

/** The content of an INTEGER. @throws CodedError `der_malformed` when it is not minimal (X.690 section 8.3.2) */
export function integerContent({ content }: DerElement): Uint8Array {
  const [first, second] = content;
  if (first === undefined) throw malformedDer('an integer is empty');
  if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
    throw malformedDer('an integer is not minimal');
  return content;
}

/** @param maxOctets 21 by default: 160 bits and a sign */
export function readInteger(element: DerElement, maxOctets = 21): bigint {
  const content = integerContent(element);
  if (content.length > maxOctets) throw malformedDer('an integer is too large');
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
  if (content.length !== 1 || (octet !== 0 && octet !== 0xff))
    throw malformedDer('a boolean is neither true nor false');
  return octet === 0xff;
}

/** The octets of a BIT STRING that has no unused bits. */
export function readBitOctets({ content }: DerElement): Uint8Array {
  if (content[0] !== 0) throw malformedDer('a bit string has unused bits');
  return content.subarray(1);
}

/** The numbers of the bits that are set in a named bit list (X.690 section 11.2). */
export function readNamedBits({ content }: DerElement): ReadonlySet<number> {
  const [unused] = content;
  if (unused === undefined || unused > 7 || content.length > 9)
    throw malformedDer('a bit string is invalid or too long');
  const set = new Set<number>();
  const bits = (content.length - 1) * 8 - unused;
  for (let bit = 0; bit < bits; bit++) {
    if (((content[1 + (bit >>> 3)] ?? 0) & (0x80 >>> (bit & 7))) !== 0) set.add(bit);
  }
  return set;
}

/** The dotted form of an OBJECT IDENTIFIER. Arcs may have the size of a UUID (`2.25`, ITU-T X.667). */
export function readObjectIdentifier({ content }: DerElement): string {
  if (content.length > 64) throw malformedDer('an object identifier is too long');
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const octet of content) {
    // X.690 section 8.19.2: an arc has no leading zeros.
    if (arc === 0n && octet === 0x80) throw malformedDer('an arc of an object identifier has leading zeros');
    arc = (arc << 7n) | BigInt(octet & 0x7f);
    if (octet < 0x80) {
      arcs.push(arc);
      arc = 0n;
    }
  }
  const [first, ...others] = arcs;
  if (first === undefined || (content.at(-1) ?? 0x80) >= 0x80) throw malformedDer('an object identifier is incomplete');
  const root = first < 40n ? 0n : first < 80n ? 1n : 2n;
  return [root, first - root * 40n, ...others].join('.');
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const utf16 = new TextDecoder('utf-16be', { fatal: true, ignoreBOM: true });

export function readUtf8({ content }: DerElement): string {
  try {
    return utf8.decode(content);
  } catch {
    throw malformedDer('a text is not UTF-8');
  }
}

/** Text of an ASN.1 string type. Undefined for other types, and for octets that the type does not allow. */
export function readText({ tag, content }: DerElement): string | undefined {
  switch (tag) {
    case tags.utf8String:
      return decodeStrictly(utf8, content);
    case tags.numericString:
    case tags.printableString:
    case tags.ia5String:
    case tags.visibleString:
      return content.every((octet) => octet < 0x80) ? latin1(content) : undefined;
    case tags.teletexString:
      // In certificates TeletexString has always been written as Latin-1.
      return latin1(content);
    case tags.bmpString:
      return decodeStrictly(utf16, content);
    default:
      return undefined;
  }
}

function decodeStrictly(decoder: typeof utf8, content: Uint8Array): string | undefined {
  try {
    return decoder.decode(content);
  } catch {
    return undefined;
  }
}

function latin1(content: Uint8Array): string {
  return Array.from(content, (octet) => String.fromCharCode(octet)).join('');
}
