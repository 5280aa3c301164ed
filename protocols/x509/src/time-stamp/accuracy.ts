import type { DerReader } from '../der/der-reader.ts';
import { derElement, derInteger, derSequence } from '../der/der-writer.ts';
import { readInteger } from '../der/read-values.ts';
import { contextPrimitive, tags } from '../der/tags.ts';
import { x509Errors } from '../errors.ts';

/** How far `genTime` may be off, to either side (RFC 3161 section 2.4.2). @returns microseconds */
export function readAccuracy(reader: DerReader): number {
  const seconds = part(reader, tags.integer, 2 ** 31);
  const millis = part(reader, contextPrimitive(0), 999);
  const micros = part(reader, contextPrimitive(1), 999);
  reader.end();
  return seconds * 1_000_000 + millis * 1000 + micros;
}

function part(reader: DerReader, tag: number, most: number): number {
  const element = reader.optional(tag);
  const value = element === undefined ? 0 : Number(readInteger(element, 5));
  if (value < 0 || value > most) throw x509Errors.error('timestamp_malformed', 'The accuracy is none.');
  return value;
}

/** @param microseconds rounded up; parts that are zero are left out */
export function encodeAccuracy(microseconds: number): Uint8Array {
  const all = Math.ceil(microseconds);
  const [seconds, millis, micros] = [Math.floor(all / 1_000_000), Math.floor(all / 1000) % 1000, all % 1000];
  const implicit = (number: number, value: number) =>
    derElement(contextPrimitive(number), derInteger(value).subarray(2));
  return derSequence(
    ...(seconds === 0 ? [] : [derInteger(seconds)]),
    ...(millis === 0 ? [] : [implicit(0, millis)]),
    ...(micros === 0 ? [] : [implicit(1, micros)]),
  );
}
