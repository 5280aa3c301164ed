import type { CedarValueJson } from '@cedar-policy/cedar-wasm/nodejs';
import { dataFunction } from './extension-functions.ts';
import { isPlainObject, type PlainObject } from './plain-object.ts';
import { PolicyFault } from './policy-fault.ts';
import { parseEntityUid, RecordValue, SetValue, type Value } from './value.ts';

/** Why data is not a Cedar value, and where. Callers turn it into their own coded error. */
export class MalformedValue extends Error {
  override readonly name = 'MalformedValue';
}

export interface ValueLimits {
  readonly maxDepth: number;
  /** Values in all the data read, nested ones included: it bounds the work of comparing sets of sets. */
  readonly maxValues: number;
  readonly maxStringLength: number;
}

const escapes = ['__entity', '__extn', '__expr'] as const;

/**
 * Reads Cedar's JSON value form, stricter than Cedar itself: a Long must be a safe integer, because the parser
 * before us has rounded anything else; strings must be well-formed; `__entity` and `__extn` must be given in full
 * and alone (types are never guessed from a schema); null is nothing.
 */
export class ValueReader {
  readonly #limits: ValueLimits;
  /** Where we are, for the error message: kept as a stack, because good data needs no text. */
  readonly #path: (string | number)[];
  #values = 0;

  constructor(root: string, limits: ValueLimits) {
    this.#path = [root];
    this.#limits = limits;
  }

  /**
   * A JSON object whose members are values: entity attributes, tags, a context.
   *
   * @throws MalformedValue
   */
  readRecord(json: unknown): RecordValue {
    if (!isPlainObject(json)) throw this.#malformed('is not an object');
    if (isEscape(json)) throw this.#malformed('is a single value, not a record');
    return this.#record(json);
  }

  /**
   * Any value.
   *
   * @throws MalformedValue
   */
  read(json: unknown): Value {
    return this.#value(json);
  }

  #value(json: unknown): Value {
    if (++this.#values > this.#limits.maxValues) {
      throw this.#malformed(`is past the limit of ${this.#limits.maxValues} values`);
    }
    switch (typeof json) {
      case 'boolean':
        return json;
      case 'number':
        // `+ 0` makes negative zero zero.
        if (Number.isSafeInteger(json)) return json + 0;
        throw this.#malformed('is not an integer within 2^53; use a decimal, or smaller units');
      case 'string':
        if (json.length > this.#limits.maxStringLength) {
          throw this.#malformed(`is longer than ${this.#limits.maxStringLength} characters`);
        }
        if (!json.isWellFormed()) throw this.#malformed('holds a lone surrogate');
        return json;
      case 'object':
        return this.#composite(json);
      default:
        throw this.#malformed('is not JSON');
    }
  }

  #composite(json: object | null): Value {
    if (this.#path.length > this.#limits.maxDepth) {
      throw this.#malformed(`is nested deeper than ${this.#limits.maxDepth} levels`);
    }
    if (Array.isArray(json)) return new SetValue(json.map((item, index) => this.#at(index, item)));
    if (!isPlainObject(json)) throw this.#malformed('is null or not plain JSON');
    return isEscape(json) ? this.#escape(json) : this.#record(json);
  }

  #record(json: PlainObject): RecordValue {
    const attributes = new Map<string, Value>();
    for (const name of Object.keys(json)) {
      if (!name.isWellFormed()) throw this.#malformed('has a key with a lone surrogate');
      attributes.set(name, this.#at(name, json[name]));
    }
    return new RecordValue(attributes);
  }

  #escape(json: PlainObject): Value {
    const keys = Object.keys(json);
    const content: unknown = keys.length === 1 ? json[keys[0] ?? ''] : undefined;
    if (keys[0] === '__entity') {
      const reference = parseEntityUid(content);
      if (reference !== undefined) return reference;
    }
    if (keys[0] === '__extn' && isPlainObject(content)) return this.#extension(content);
    throw this.#malformed('is not a whole __entity or __extn');
  }

  #extension(call: PlainObject): Value {
    const name = call['fn'];
    const fn = typeof name === 'string' ? dataFunction(name) : undefined;
    if (fn === undefined) throw this.#malformed('names an unknown extension function');
    const given: unknown = Object.hasOwn(call, 'arg') ? [call['arg']] : call['args'];
    if (Object.keys(call).length !== 2 || !Array.isArray(given) || given.length !== fn.arity) {
      throw this.#malformed(`gives ${name} other arguments than it takes`);
    }
    try {
      const first = this.#at('arg', given[0]);
      return fn.arity === 1 ? fn.apply(first) : fn.apply(first, this.#at('arg', given[1]));
    } catch (error) {
      if (error instanceof PolicyFault) throw this.#malformed(`is no ${name} value`);
      throw error;
    }
  }

  #at(step: string | number, json: unknown): Value {
    this.#path.push(step);
    const value = this.#value(json);
    this.#path.pop();
    return value;
  }

  #malformed(what: string): MalformedValue {
    return new MalformedValue(`${this.#path.join('.').slice(0, 256)} ${what}`);
  }
}

function isEscape(json: PlainObject): boolean {
  return escapes.some((key) => Object.hasOwn(json, key));
}

/** The value in Cedar's JSON form, so that the reference engine can be asked the same question. */
export function valueToJson(value: Value): CedarValueJson {
  if (typeof value === 'bigint') {
    // Only arithmetic in a policy makes one; what is written here came from ValueReader.
    throw new Error('a Long beyond 2^53 has no exact JSON form');
  }
  if (typeof value !== 'object') return value;
  switch (value.kind) {
    case 'entity':
      return { __entity: { type: value.type, id: value.id } };
    case 'set':
      return value.items.map(valueToJson);
    case 'record':
      return recordToJson(value);
    case 'decimal':
      return extension('decimal', value.toString());
    case 'ipaddr':
      return extension('ip', value.toString());
    case 'datetime': {
      const sinceEpoch = extension('duration', `${value.epochMilliseconds}ms`);
      return { __extn: { fn: 'offset', args: [extension('datetime', '1970-01-01'), sinceEpoch] } };
    }
    case 'duration':
      return extension('duration', `${value.milliseconds}ms`);
    default:
      return value satisfies never;
  }
}

export function recordToJson(record: RecordValue): Record<string, CedarValueJson> {
  // fromEntries defines own properties, so that an attribute called __proto__ stays one.
  return Object.fromEntries(Array.from(record.attributes, ([name, value]) => [name, valueToJson(value)]));
}

function extension(fn: string, arg: string): CedarValueJson {
  return { __extn: { fn, arg } };
}
