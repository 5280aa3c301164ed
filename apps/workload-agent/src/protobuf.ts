import { type Json, membersOf } from '@countersign/kernel';
import { agentErrors } from './errors.ts';

// The part of Protocol Buffers that the SPIFFE Workload API and Envoy's SDS use: length-delimited fields and small integers.

const malformed = (detail: string) => agentErrors.error('message_malformed', detail);
const utf8 = new TextDecoder('utf-8', { fatal: true });

function varint(value: number): Buffer {
  const octets: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    octets.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  octets.push(rest);
  return Buffer.from(octets);
}

/** A length-delimited field. Empty content is written too, because it counts in a repeated field. */
export function field(number: number, content: Uint8Array | string): Buffer {
  const octets = typeof content === 'string' ? Buffer.from(content, 'utf8') : Buffer.from(content);
  return Buffer.concat([varint(number * 8 + 2), varint(octets.length), octets]);
}

/** A non-negative integer field. */
export const integerField = (number: number, value: number): Buffer =>
  Buffer.concat([varint(number * 8), varint(value)]);

/** A field of the type double. */
export function doubleField(number: number, value: number): Buffer {
  const octets = Buffer.alloc(8);
  octets.writeDoubleLE(value);
  return Buffer.concat([varint(number * 8 + 1), octets]);
}

/** An entry of a `map<string, ...>`. */
export const mapField = (number: number, key: string, value: Uint8Array | string): Buffer =>
  field(number, Buffer.concat([field(1, key), field(2, value)]));

export const message = (...fields: readonly Uint8Array[]): Buffer => Buffer.concat(fields);

const mostFields = 10_000;

/** The length-delimited fields of a message, by number. Other fields are skipped. @throws CodedError `message_malformed` */
export function readFields(octets: Uint8Array): ReadonlyMap<number, readonly Buffer[]> {
  const bytes = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
  const fields = new Map<number, Buffer[]>();
  let at = 0;
  let count = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 10; shift += 1) {
      const octet = bytes[at];
      if (octet === undefined) throw malformed('a number is incomplete');
      at += 1;
      value += (octet & 0x7f) * 2 ** (7 * shift);
      if (octet < 0x80) return value;
    }
    throw malformed('a number is too long');
  };
  const skip = (length: number): Buffer => {
    if (length > bytes.length - at) throw malformed('a field is incomplete');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    count += 1;
    if (count > mostFields) throw malformed('too many fields');
    const tag = readVarint();
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        readVarint();
        break;
      case 1:
        skip(8);
        break;
      case 2:
        fields.set(number, [...(fields.get(number) ?? []), skip(readVarint())]);
        break;
      case 5:
        skip(4);
        break;
      default:
        throw malformed('a field has an unknown wire type');
    }
  }
  return fields;
}

export function textsIn(fields: ReadonlyMap<number, readonly Buffer[]>, number: number): readonly string[] {
  return (fields.get(number) ?? []).map((octets) => {
    try {
      return utf8.decode(octets);
    } catch {
      throw malformed('a text is not UTF-8');
    }
  });
}

/** In proto3 the last value counts. */
export const textIn = (fields: ReadonlyMap<number, readonly Buffer[]>, number: number): string =>
  textsIn(fields, number).at(-1) ?? '';

/** A `google.protobuf.Value`. */
function encodeValue(value: Json): Buffer {
  if (value === null) return integerField(1, 0);
  if (typeof value === 'number') return doubleField(2, value);
  if (typeof value === 'string') return field(3, value);
  if (typeof value === 'boolean') return integerField(4, value ? 1 : 0);
  const members = membersOf(value);
  if (members !== undefined) return field(5, structOf(members));
  return field(6, message(...(Array.isArray(value) ? value : []).map((each: Json) => field(1, encodeValue(each)))));
}

/** A `google.protobuf.Struct`. */
export const structOf = (members: Readonly<Record<string, Json>>): Buffer =>
  message(...Object.entries(members).map(([name, value]) => mapField(1, name, encodeValue(value))));
