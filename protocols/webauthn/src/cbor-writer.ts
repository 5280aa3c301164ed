import type { Cbor } from './cbor.ts';

/** Writes one item in the form that `readCbor` reads; the members of a map in the order that it has. */
export function writeCbor(value: Cbor): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.concat([...encode(value)]));
}

function* encode(value: Cbor): Generator<Uint8Array> {
  if (typeof value === 'number') yield value >= 0 ? head(0, value) : head(1, -1 - value);
  else if (typeof value === 'string') {
    const text = Buffer.from(value);
    yield head(3, text.length);
    yield text;
  } else if (value === null) yield Uint8Array.of(0xf6);
  else if (typeof value === 'boolean') yield Uint8Array.of(value ? 0xf5 : 0xf4);
  else if (value instanceof Uint8Array) {
    yield head(2, value.length);
    yield value;
  } else if (value instanceof Map) {
    yield head(5, value.size);
    for (const [key, member] of value) {
      yield* encode(key);
      yield* encode(member);
    }
  } else if (Array.isArray(value)) {
    yield head(4, value.length);
    for (const item of value) yield* encode(item);
  }
}

/** The first octet and the argument, in as few octets as it takes. */
function head(major: number, argument: number): Uint8Array {
  const type = major << 5;
  if (argument < 24) return Uint8Array.of(type | argument);
  if (argument < 256) return Uint8Array.of(type | 24, argument);
  if (argument < 65_536) return Uint8Array.of(type | 25, argument >> 8, argument & 0xff);
  const long = Buffer.alloc(5, type | 26);
  long.writeUInt32BE(argument, 1);
  return long;
}
