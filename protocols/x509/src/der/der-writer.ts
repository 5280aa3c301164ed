import { malformedDer } from '../errors.ts';
import { tags } from './der-reader.ts';

/** One element: identifier, minimal length, content (ITU-T X.690 section 10.1). */
export function derElement(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const length = contents.reduce((sum, { length }) => sum + length, 0);
  const head = length < 0x80 ? [tag, length] : [tag, 0x80 | lengthOctets(length).length, ...lengthOctets(length)];
  const out = new Uint8Array(head.length + length);
  out.set(head);
  let at = head.length;
  for (const content of contents) {
    out.set(content, at);
    at += content.length;
  }
  return out;
}

export const derSequence = (...contents: readonly Uint8Array[]): Uint8Array => derElement(tags.sequence, ...contents);

/** SET OF: elements sorted by their encodings (X.690 section 11.6). */
export function derSetOf(tag: number, elements: readonly Uint8Array[]): Uint8Array {
  return derElement(tag, ...elements.toSorted(compareOctets));
}

/** Minimal two's complement (X.690 section 8.3). */
export function derInteger(value: bigint | number): Uint8Array {
  const number = BigInt(value);
  let octets = 1;
  while (BigInt.asIntN(8 * octets, number) !== number) octets++;
  const hex = BigInt.asUintN(8 * octets, number).toString(16);
  return derElement(tags.integer, octetsOf(hex.padStart(2 * octets, '0')));
}

export const derBoolean = (value: boolean): Uint8Array => Uint8Array.of(tags.boolean, 1, value ? 0xff : 0);
export const derNull = (): Uint8Array => Uint8Array.of(tags.null, 0);
export const derOctetString = (octets: Uint8Array): Uint8Array => derElement(tags.octetString, octets);
export const derBitString = (octets: Uint8Array): Uint8Array => derElement(tags.bitString, Uint8Array.of(0), octets);
export const derPrintable = (text: string): Uint8Array => derElement(tags.printableString, ascii(text));
export const derEnumerated = (value: number): Uint8Array => derElement(tags.enumerated, Uint8Array.of(value));
export const derUtf8 = (text: string): Uint8Array => derElement(tags.utf8String, new TextEncoder().encode(text));

/** A named bit list without trailing zero bits (X.690 section 11.2.2). */
export function derNamedBits(bits: readonly number[]): Uint8Array {
  const last = Math.max(-1, ...bits);
  const octets = new Uint8Array(Math.floor(last / 8) + 1);
  for (const bit of bits) octets[bit >>> 3] = (octets[bit >>> 3] ?? 0) | (0x80 >>> (bit & 7));
  return derElement(tags.bitString, Uint8Array.of(last < 0 ? 0 : 7 - (last % 8)), octets);
}

/** @throws CodedError `der_malformed` when `dotted` is not an object identifier */
export function derObjectIdentifier(dotted: string): Uint8Array {
  const arcs = /^[0-2](\.(0|[1-9]\d{0,39})){1,30}$/.test(dotted) ? dotted.split('.').map(BigInt) : [];
  const [root = 0n, second = 0n, ...others] = arcs;
  if (arcs.length === 0 || (root < 2n && second > 39n))
    throw malformedDer(`${JSON.stringify(dotted)} is not an object identifier`);
  return derElement(tags.objectIdentifier, ...[root * 40n + second, ...others].map(base128));
}

/** GeneralizedTime with milliseconds as the fraction, without trailing zeros (RFC 3161 section 2.4.2). */
export function derGeneralizedTime(milliseconds: number): Uint8Array {
  const [date = '', fraction = ''] = new Date(milliseconds)
    .toISOString()
    .replaceAll(/[-:TZ]/g, '')
    .split('.');
  const digits = fraction.replace(/0+$/, '');
  return derElement(tags.generalizedTime, ascii(`${date}${digits === '' ? '' : `.${digits}`}Z`));
}

/** `Time` of a certificate, in whole seconds (RFC 5280 section 4.1.2.5). */
export function derCertificateTime(milliseconds: number): Uint8Array {
  const date = new Date(milliseconds);
  const digits = `${date.toISOString().slice(0, 19).replaceAll(/\D/g, '')}Z`;
  return date.getUTCFullYear() < 2050
    ? derElement(tags.utcTime, ascii(digits.slice(2)))
    : derElement(tags.generalizedTime, ascii(digits));
}

function base128(arc: bigint): Uint8Array {
  const septets = [Number(arc & 0x7fn)];
  for (let rest = arc >> 7n; rest > 0n; rest >>= 7n) septets.unshift(Number(rest & 0x7fn) | 0x80);
  return Uint8Array.from(septets);
}

function lengthOctets(length: number): number[] {
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return octets;
}

function octetsOf(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, index) =>
    Number.parseInt(hex.slice(2 * index, 2 * index + 2), 16),
  );
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

function compareOctets(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let index = 0; index < shared; index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
