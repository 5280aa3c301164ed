import { CodedError } from './errors.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const maxDepth = 64;

/**
 * JSON Canonicalization Scheme (RFC 8785): keys sorted by UTF-16 code units, ECMAScript number and string
 * forms, no white space. Properties that are `undefined` are left out, as `JSON.stringify` does.
 *
 * @throws CodedError `not_canonicalizable` for NaN, infinities, lone surrogates, bigint, functions,
 *   values with a `toJSON`, and nesting deeper than 64.
 */
export function canonicalize(value: unknown): string {
  return write(value, 0);
}

function write(value: unknown, depth: number): string {
  if (depth > maxDepth) throw refuse('nested deeper than 64 levels');
  switch (typeof value) {
    case 'string':
      return writeString(value);
    case 'number':
      if (!Number.isFinite(value)) throw refuse('a number that is not finite');
      // RFC 8785 section 3.2.2.3: the ECMAScript form; negative zero becomes 0.
      return value === 0 ? '0' : String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return writeArray(value, depth);
      return writeObject(value, depth);
    default:
      throw refuse(`a value of type ${typeof value}`);
  }
}

function writeArray(items: readonly unknown[], depth: number): string {
  let out = '[';
  for (let index = 0; index < items.length; index++) {
    if (index > 0) out += ',';
    out += write(items[index], depth + 1);
  }
  return `${out}]`;
}

function writeObject(object: object, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) throw refuse('an object that is not plain JSON');
  // Array.prototype.sort without a comparator orders by UTF-16 code units: RFC 8785 section 3.2.3.
  const keys = Object.keys(object).sort();
  let out = '{';
  for (const key of keys) {
    const member: unknown = (object as Record<string, unknown>)[key];
    if (member === undefined) continue;
    if (out.length > 1) out += ',';
    out += `${writeString(key)}:${write(member, depth + 1)}`;
  }
  return `${out}}`;
}

function writeString(text: string): string {
  // RFC 8785 section 3.2.2.2: lone surrogates must end with an error.
  if (!text.isWellFormed()) throw refuse('a string with a lone surrogate');
  return JSON.stringify(text);
}

function refuse(what: string): CodedError {
  return new CodedError({
    code: 'not_canonicalizable',
    category: 'invalid',
    detail: `The value cannot be written as canonical JSON (RFC 8785): it holds ${what}.`,
  });
}

/**
 * Parses JSON from outside. Size is checked before parsing; a duplicate key, which different parsers read
 * differently, is refused when `uniqueKeys` is set (for anything that is signed or hashed).
 *
 * @returns the value, or a CodedError `invalid_json` (returned, not thrown, so that callers choose their own code).
 */
export function parseJson(
  text: string,
  options: { readonly maxLength?: number; readonly uniqueKeys?: boolean } = {},
): { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly problem: string } {
  if (text.length > (options.maxLength ?? 1_048_576)) return { ok: false, problem: 'it is too long' };
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return { ok: false, problem: 'it is not JSON' };
  }
  if (depthOf(value, 0) > maxDepth) return { ok: false, problem: 'it is nested deeper than 64 levels' };
  if (options.uniqueKeys === true && countKeysInText(text) !== countKeys(value))
    return { ok: false, problem: 'it holds the same key twice in one object' };
  return { ok: true, value };
}

function depthOf(value: Json, depth: number): number {
  if (typeof value !== 'object' || value === null || depth > maxDepth) return depth;
  let deepest = depth + 1;
  for (const member of Object.values(value)) {
    const below = depthOf(member as Json, depth + 1);
    if (below > deepest) deepest = below;
  }
  return deepest;
}

/** Keys written in a text that is known to be valid JSON: strings that are followed by a colon. */
function countKeysInText(text: string): number {
  let keys = 0;
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/gs)) if (match[1] !== undefined) keys++;
  return keys;
}

/** Keys that survived parsing. `__proto__` is an own key after JSON.parse, so it counts like any other. */
function countKeys(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (Array.isArray(value)) return value.reduce((sum: number, item: Json) => sum + countKeys(item), 0);
  const keys = Object.keys(value);
  return keys.reduce((sum, key) => sum + countKeys((value as Record<string, Json>)[key] ?? null), keys.length);
}
