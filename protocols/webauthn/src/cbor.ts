import { webAuthnErrors } from './errors.ts';

/** Encodes one item in the form that `readCbor` accepts. Map members keep their order. */
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

/** The initial octet and the argument, in the shortest form. */
function head(major: number, argument: number): Uint8Array {
  const type = major << 5;
  if (argument < 24) return Uint8Array.of(type | argument);
  if (argument < 256) return Uint8Array.of(type | 24, argument);
  if (argument < 65_536) return Uint8Array.of(type | 25, argument >> 8, argument & 0xff);
  const long = Buffer.alloc(5, type | 26);
  long.writeUInt32BE(argument, 1);
  return long;
}

/** The values that authenticators use: integers, octets, text, lists, maps and simple values (RFC 8949). */
export type Cbor = number | string | boolean | null | Uint8Array | readonly Cbor[] | CborMap;
export type CborMap = ReadonlyMap<number | string, Cbor>;

const maxDepth = 8;
const maxItems = 64;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parses exactly one item in CTAP2 canonical form: definite lengths in their shortest form, and unique keys that are numbers
 * or text. Tags, floats and big numbers are refused.
 *
 * @throws CodedError `credential_malformed`
 */
export function readCbor(octets: Uint8Array): Cbor {
  const { value, end } = readCborItem(octets, 0);
  if (end !== octets.length) throw malformed('something stands behind it');
  return value;
}

/** Like {@link readCbor}, for the item at offset `start`. @returns the item and its end offset */
export function readCborItem(octets: Uint8Array, start: number): { readonly value: Cbor; readonly end: number } {
  const reader = new CborReader(octets, start);
  const value = reader.item(0);
  return { value, end: reader.at };
}

class CborReader {
  readonly #octets: Uint8Array;
  at: number;

  constructor(octets: Uint8Array, at: number) {
    this.#octets = octets;
    this.at = at;
  }

  item(depth: number): Cbor {
    if (depth > maxDepth) throw malformed('it is nested too deep');
    const initial = this.#octet();
    const info = initial & 0x1f;
    switch (initial >> 5) {
      case 0:
        return this.#argument(info);
      case 1:
        return -1 - this.#argument(info);
      case 2:
        return this.#take(this.#argument(info));
      case 3:
        return textOf(this.#take(this.#argument(info)));
      case 4:
        return Array.from({ length: this.#count(info) }, () => this.item(depth + 1));
      case 5:
        return this.#map(this.#count(info), depth);
      case 7:
        return simpleOf(info);
      default:
        throw malformed('it holds a tag');
    }
  }

  #map(count: number, depth: number): CborMap {
    const map = new Map<number | string, Cbor>();
    for (let position = 0; position < count; position++) {
      const key = this.item(depth + 1);
      if (typeof key !== 'number' && typeof key !== 'string') throw malformed('a key is neither a number nor text');
      if (map.has(key)) throw malformed('a key stands twice');
      map.set(key, this.item(depth + 1));
    }
    return map;
  }

  #count(info: number): number {
    const count = this.#argument(info);
    if (count > maxItems) throw malformed(`it holds more than ${maxItems} items`);
    return count;
  }

  #argument(info: number): number {
    if (info < 24) return info;
    // 64-bit arguments and indefinite lengths are not supported.
    if (info > 26) throw malformed('a length or number is not in a form that is read here');
    const size = 1 << (info - 24);
    let value = 0;
    for (const octet of this.#take(size)) value = value * 256 + octet;
    if (value < (size === 1 ? 24 : 256 ** (size / 2))) throw malformed('a number is longer than it need be');
    return value;
  }

  #take(length: number): Uint8Array {
    if (length > this.#octets.length - this.at) throw malformed('it ends too early');
    const taken = this.#octets.subarray(this.at, this.at + length);
    this.at += length;
    return taken;
  }

  #octet(): number {
    const octet = this.#octets[this.at];
    if (octet === undefined) throw malformed('it ends too early');
    this.at++;
    return octet;
  }
}

function textOf(octets: Uint8Array): string {
  try {
    return utf8.decode(octets);
  } catch {
    throw malformed('a text is not UTF-8');
  }
}

function simpleOf(info: number): Cbor {
  switch (info) {
    case 20:
      return false;
    case 21:
      return true;
    case 22:
      return null;
    default:
      throw malformed('it holds a value that is not read here');
  }
}

function malformed(problem: string) {
  return webAuthnErrors.error('credential_malformed', `What the authenticator sent cannot be read: ${problem}.`);
}
