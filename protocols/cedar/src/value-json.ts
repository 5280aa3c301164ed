import type { CedarValueJson } from '@cedar-policy/cedar-wasm/nodejs';
import { cedarErrors } from './errors.ts';
import { dataFunction } from './extension-functions.ts';
import { toLong } from './long.ts';
import { isPlainObject, type PlainObject } from './plain-object.ts';
import { PolicyFault } from './policy-fault.ts';
import { parseEntityUid, RecordValue, SetValue, type Value } from './value.ts';

/** Reports why and where data is not a Cedar value. Callers convert it to their own coded error. */
export class MalformedValue extends Error {
  override readonly name = 'MalformedValue';
  readonly #path: (string | number)[] = [];

  /** Adds a step to the path of the fault, on the way up from the malformed value. */
  within(step: string | number): void {
    this.#path.push(step);
  }

  named(root: string): void {
    this.message = `${[root, ...this.#path.toReversed()].join('.').slice(0, 256)} ${this.message}`;
  }
}

export interface ValueLimits {
  readonly maxDepth: number;
  /** Number of values, nested ones included: bounds the work of comparing sets of sets. */
  readonly maxValues: number;
  readonly maxStringLength: number;
}

/**
 * Parses Cedar's JSON value form, more strictly than Cedar itself: a Long is a safe integer, because the JSON parser has
 * already rounded any other number, or a `bigint` of 64 bits, from a parser that keeps them (`parseExactJson`); strings must
 * be well-formed; `__entity` and `__extn` must be given in full and alone (types are never guessed from a schema); null is
 * refused.
 */
export class ValueReader {
  readonly #root: string;
  readonly #limits: ValueLimits;
  #values = 0;

  constructor(root: string, limits: ValueLimits) {
    this.#root = root;
    this.#limits = limits;
  }

  /** A JSON object whose members are values: entity attributes, tags, a context. @throws MalformedValue */
  readRecord(json: unknown): RecordValue {
    if (!isPlainObject(json)) throw this.#named(new MalformedValue('is not an object'));
    try {
      const value = this.#object(json, 1);
      if (value instanceof RecordValue) return value;
    } catch (error) {
      throw this.#named(error);
    }
    throw this.#named(new MalformedValue('is a single value, not a record'));
  }

  /** Any value. @throws MalformedValue */
  read(json: unknown): Value {
    try {
      return this.#value(json, 1);
    } catch (error) {
      throw this.#named(error);
    }
  }

  #named(error: unknown): unknown {
    if (error instanceof MalformedValue) error.named(this.#root);
    return error;
  }

  /** @param depth levels from the root to the value, both included */
  #value(json: unknown, depth: number): Value {
    if (++this.#values > this.#limits.maxValues) {
      throw new MalformedValue(`is past the limit of ${this.#limits.maxValues} values`);
    }
    switch (typeof json) {
      case 'string':
        if (json.length > this.#limits.maxStringLength) {
          throw new MalformedValue(`is longer than ${this.#limits.maxStringLength} characters`);
        }
        if (!json.isWellFormed()) throw new MalformedValue('holds a lone surrogate');
        return json;
      case 'boolean':
        return json;
      case 'number':
        // `+ 0` makes negative zero zero.
        if (Number.isSafeInteger(json)) return json + 0;
        throw new MalformedValue('is not an integer within 2^53; use a decimal, or smaller units');
      case 'bigint': {
        const long = toLong(json);
        if (long === undefined) throw new MalformedValue('is an integer beyond 64 bits');
        return long;
      }
      case 'object':
        if (depth > this.#limits.maxDepth)
          throw new MalformedValue(`is nested deeper than ${this.#limits.maxDepth} levels`);
        if (Array.isArray(json)) return this.#set(json, depth);
        if (!isPlainObject(json)) throw new MalformedValue('is null or not plain JSON');
        return this.#object(json, depth);
      default:
        throw new MalformedValue('is not JSON');
    }
  }

  #set(json: readonly unknown[], depth: number): SetValue {
    const items: Value[] = [];
    try {
      for (const item of json) items.push(this.#value(item, depth + 1));
    } catch (error) {
      throw inside(error, items.length);
    }
    return new SetValue(items);
  }

  /** The value of a JSON object: a record, or the value given by `__entity` or `__extn`. */
  #object(json: PlainObject, depth: number): Value {
    const names = Object.keys(json);
    for (const name of names) {
      if (isEscape(name)) return this.#escape(json, names, depth);
      if (!name.isWellFormed()) throw new MalformedValue('has a key with a lone surrogate');
    }
    // In the order of the names, and faster than reading each member by name.
    const members = Object.values(json);
    const values = new Array<Value>(names.length);
    let position = 0;
    try {
      for (; position < values.length; position++) values[position] = this.#value(members[position], depth + 1);
    } catch (error) {
      throw inside(error, names[position] ?? '');
    }
    return new RecordValue(names, values);
  }

  #escape(json: PlainObject, names: readonly string[], depth: number): Value {
    const name = names.length === 1 ? names[0] : undefined;
    if (name === '__entity') {
      const reference = parseEntityUid(json[name]);
      if (reference !== undefined) return reference;
    }
    if (name === '__extn') {
      const content = json[name];
      if (isPlainObject(content)) return this.#extension(content, depth);
    }
    throw new MalformedValue('is not a whole __entity or __extn');
  }

  #extension(call: PlainObject, depth: number): Value {
    const name = call['fn'];
    const fn = typeof name === 'string' ? dataFunction(name) : undefined;
    if (fn === undefined) throw new MalformedValue('names an unknown extension function');
    const single = Object.hasOwn(call, 'arg');
    const given: unknown = single ? undefined : call['args'];
    const count = single ? 1 : Array.isArray(given) ? given.length : 0;
    if (Object.keys(call).length !== 2 || count !== fn.arity) {
      throw new MalformedValue(`gives ${name} other arguments than it takes`);
    }
    try {
      const first = this.#value(Array.isArray(given) ? given[0] : call['arg'], depth + 1);
      if (fn.arity === 1) return fn.apply(first);
      return fn.apply(first, this.#value(Array.isArray(given) ? given[1] : undefined, depth + 1));
    } catch (error) {
      if (error instanceof PolicyFault) throw new MalformedValue(`is no ${name} value`);
      throw inside(error, 'arg');
    }
  }
}

function inside(error: unknown, step: string | number): unknown {
  if (error instanceof MalformedValue) error.within(step);
  return error;
}

const underscore = 0x5f;

function isEscape(name: string): boolean {
  return name.charCodeAt(0) === underscore && (name === '__entity' || name === '__extn' || name === '__expr');
}

/** Cedar's JSON form; members in canonical order (RFC 8785). @throws CodedError `long_not_json` */
export function valueToJson(value: Value): CedarValueJson {
  if (typeof value === 'bigint') {
    throw cedarErrors.error(
      'long_not_json',
      'An integer beyond 2^53 - 1 has no JSON form that every reader keeps exact.',
    );
  }
  if (typeof value !== 'object') return value;
  switch (value.kind) {
    case 'entity':
      return { __entity: { id: value.id, type: value.type } };
    case 'set':
      return value.items.map(valueToJson);
    case 'record':
      return recordToJson(value);
    case 'decimal':
      return extension('decimal', value.written ?? value.toString());
    case 'ipaddr':
      return extension('ip', value.toString());
    case 'datetime': {
      const text = value.written ?? value.isoText();
      if (text !== undefined) return extension('datetime', text);
      const sinceEpoch = extension('duration', `${value.epochMilliseconds}ms`);
      return { __extn: { fn: 'offset', args: [extension('datetime', '1970-01-01'), sinceEpoch] } };
    }
    case 'duration':
      return extension('duration', `${value.milliseconds}ms`);
    default:
      return value satisfies never;
  }
}

export function recordToJson({ names, values }: RecordValue): Record<string, CedarValueJson> {
  const json: Record<string, CedarValueJson> = {};
  for (let position = 0; position < values.length; position++) {
    const name = names[position];
    const value = values[position];
    if (name === undefined || value === undefined) continue;
    const written = valueToJson(value);
    // Keeps an attribute with this name as an own property.
    if (name === '__proto__') Object.defineProperty(json, name, { ...ownProperty, value: written });
    else json[name] = written;
  }
  return json;
}

const ownProperty = { configurable: true, enumerable: true, writable: true } as const;

function extension(fn: string, arg: string): CedarValueJson {
  return { __extn: { arg, fn } };
}
