import { malformedDer } from '../errors.ts';

const contextConstructed = 0xa0;
const highTagNumber = 0x1f;
const mostFields = 64;

/**
 * Reads a row of fields that are all `[n] EXPLICIT`, also with tag numbers over 30 (X.690 section 8.1.2.4), which
 * `readDer` refuses: what is inside each, by its number. Each number stands once.
 *
 * @throws CodedError `der_malformed`
 */
export function readExplicitFields(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const fields = new Map<number, Uint8Array>();
  for (let at = 0; at < bytes.length; ) {
    const tag = readTag(bytes, at);
    const length = readLength(bytes, tag.end);
    const end = length.end + length.value;
    if (end > bytes.length) throw malformedDer('a field that reaches past the end');
    if (fields.has(tag.number) || fields.size === mostFields)
      throw malformedDer('a field that stands twice, or too many');
    fields.set(tag.number, bytes.subarray(length.end, end));
    at = end;
  }
  return fields;
}

function readTag(bytes: Uint8Array, at: number): { readonly number: number; readonly end: number } {
  const first = octetAt(bytes, at);
  if ((first & 0xe0) !== contextConstructed) throw malformedDer('a field without a number of its own');
  const low = first & highTagNumber;
  if (low !== highTagNumber) return { number: low, end: at + 1 };
  let number = 0;
  for (let next = at + 1; next <= at + 3; next++) {
    const octet = octetAt(bytes, next);
    number = number * 128 + (octet & 0x7f);
    if (number === 0) break;
    if (octet >= 0x80) continue;
    // Section 8.1.2.2: a number up to 30 stands in the first octet.
    if (number < highTagNumber) break;
    return { number, end: next + 1 };
  }
  throw malformedDer('a tag number that is too large, or longer than it need be');
}

function readLength(bytes: Uint8Array, at: number): { readonly value: number; readonly end: number } {
  const first = octetAt(bytes, at);
  if (first < 0x80) return { value: first, end: at + 1 };
  const octets = first & 0x7f;
  if (octets < 1 || octets > 2) throw malformedDer('a length that is indefinite or too long');
  let value = 0;
  for (let index = 1; index <= octets; index++) value = value * 256 + octetAt(bytes, at + index);
  if (value < 0x80 || value < 256 ** (octets - 1)) throw malformedDer('a length that is longer than it need be');
  return { value, end: at + 1 + octets };
}

function octetAt(bytes: Uint8Array, at: number): number {
  const octet = bytes[at];
  if (octet === undefined) throw malformedDer('it ends where a field belongs');
  return octet;
}
