import { malformedDer } from '../errors.ts';
import { readDerLength } from './der-reader.ts';

const contextConstructed = 0xa0;
const highTagNumber = 0x1f;
const maxFields = 64;

/**
 * Reads consecutive `[n] EXPLICIT` fields. Unlike `readDer` it accepts tag numbers over 30 (X.690 section 8.1.2.4).
 *
 * @returns the content of each field by its number
 * @throws CodedError `der_malformed`, also for a number that occurs twice
 */
export function readExplicitFields(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const fields = new Map<number, Uint8Array>();
  for (let at = 0; at < bytes.length; ) {
    const tag = readTag(bytes, at);
    const { start, end } = readDerLength(bytes, tag.end);
    if (fields.has(tag.number) || fields.size === maxFields)
      throw malformedDer('a field occurs twice, or there are too many fields');
    fields.set(tag.number, bytes.subarray(start, end));
    at = end;
  }
  return fields;
}

function readTag(bytes: Uint8Array, at: number): { readonly number: number; readonly end: number } {
  const first = octetAt(bytes, at);
  if ((first & 0xe0) !== contextConstructed) throw malformedDer('a field is not context-specific and constructed');
  const low = first & highTagNumber;
  if (low !== highTagNumber) return { number: low, end: at + 1 };
  let number = 0;
  for (let next = at + 1; next <= at + 3; next++) {
    const octet = octetAt(bytes, next);
    number = number * 128 + (octet & 0x7f);
    if (number === 0) break;
    if (octet >= 0x80) continue;
    // Section 8.1.2.2: numbers up to 30 are encoded in the first octet.
    if (number < highTagNumber) break;
    return { number, end: next + 1 };
  }
  throw malformedDer('a tag number is too large or not minimal');
}

function octetAt(bytes: Uint8Array, at: number): number {
  const octet = bytes[at];
  if (octet === undefined) throw malformedDer('the input ends inside a field');
  return octet;
}
