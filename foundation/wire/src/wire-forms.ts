import type { ValueSchema } from '@countersign/contracts/call-schemas';
import { decodeBase64Url, errorVocabulary } from '@countersign/kernel';

export const encodingErrors = errorVocabulary({
  /** A value from another process does not match the schema of the call. */
  call_malformed: 'invalid',
});

export type Rewrite = (value: unknown) => unknown;
export type WireKind = NonNullable<ValueSchema['wire']>;

/** How the keys and members of a map, or the items of a set, are rewritten. */
export interface PartRewrites {
  readonly keys: Rewrite;
  readonly values: Rewrite;
  readonly items: Rewrite;
}

/** How a value without a JSON form is written as JSON. */
export interface WireForm {
  readonly jsonType: 'array' | 'null' | 'object' | 'string';
  /**
   *
   * @throws Error for any other value, which is our own bug
   */
  encode(value: unknown, parts: PartRewrites): unknown;
  /**
   *
   * @throws CodedError `call_malformed` for JSON that `encode` does not write
   */
  decode(plain: unknown, parts: PartRewrites): unknown;
}

/** Limits the cost of reading an integer. */
export const bigintPattern = '^(?:0|-?[1-9][0-9]{0,99})$';
const bigintText = new RegExp(bigintPattern);

export const wireForms: Readonly<Record<WireKind, WireForm>> = {
  undefined: {
    jsonType: 'null',
    encode(value) {
      if (value !== undefined) throw mistyped('undefined', value);
      return null;
    },
    decode(plain) {
      if (plain !== null) throw malformed('no value');
      return undefined;
    },
  },
  bigint: {
    jsonType: 'string',
    encode(value) {
      if (typeof value !== 'bigint') throw mistyped('bigint', value);
      return String(value);
    },
    decode(plain) {
      if (typeof plain !== 'string' || !bigintText.test(plain)) throw malformed('an integer as decimal text');
      return BigInt(plain);
    },
  },
  bytes: {
    // An object, so that it cannot be taken for text where both may be.
    jsonType: 'object',
    encode(value) {
      if (!(value instanceof Uint8Array)) throw mistyped('bytes', value);
      return { base64url: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64url') };
    },
    // A contract may promise a `Buffer`, which is a `Uint8Array` as well.
    decode(plain) {
      const text: unknown = typeof plain === 'object' && plain !== null && 'base64url' in plain ? plain.base64url : '.';
      const bytes = typeof text === 'string' ? decodeBase64Url(text) : undefined;
      if (bytes === undefined) throw malformed('bytes as base64url');
      return bytes;
    },
  },
  set: {
    jsonType: 'array',
    encode(value, { items }) {
      if (!(value instanceof Set)) throw mistyped('set', value);
      return Array.from(value, items);
    },
    decode(plain, { items }) {
      if (!Array.isArray(plain)) throw malformed('a list of different items');
      const set = new Set(plain.map((item: unknown) => items(item)));
      if (set.size < plain.length) throw malformed('a list of different items');
      return set;
    },
  },
  map: {
    jsonType: 'array',
    encode(value, { keys, values }) {
      if (!(value instanceof Map)) throw mistyped('map', value);
      return Array.from(value, ([key, member]: [unknown, unknown]) => [keys(key), values(member)]);
    },
    decode(plain, { keys, values }) {
      if (!Array.isArray(plain)) throw malformed('a list of pairs');
      const pairs = plain.map((pair: unknown): [unknown, unknown] => {
        if (!Array.isArray(pair) || pair.length !== 2) throw malformed('a list of pairs');
        const [key, member]: unknown[] = pair;
        return [keys(key), values(member)];
      });
      const map = new Map(pairs);
      if (map.size < pairs.length) throw malformed('a list of pairs with different keys');
      return map;
    },
  },
};

/** The wire kind of a value in memory; undefined for what JSON has. */
export function wireKindOf(value: unknown): WireKind | undefined {
  if (value === undefined) return 'undefined';
  if (typeof value === 'bigint') return 'bigint';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof Set) return 'set';
  return value instanceof Map ? 'map' : undefined;
}

function mistyped(expected: WireKind, value: unknown): Error {
  return new Error(`a call was given ${wireKindOf(value) ?? typeof value}, where its type says ${expected}`);
}

function malformed(expected: string) {
  return encodingErrors.error('call_malformed', `The call or its answer does not have ${expected} where it must.`);
}
