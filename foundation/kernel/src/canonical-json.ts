import { CodedError } from './errors.ts';
import { type ExactJson, readExactly } from './exact-integers.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const maxDepth = 64;

/**
 * JSON Canonicalization Scheme (RFC 8785): keys sorted by UTF-16 code units, ECMAScript number and string
 * forms, no white space. Properties that are `undefined` are left out, as `JSON.stringify` does.
 *
 * An integer beyond 2^53 - 1 that would be written in digits is refused: it may have been rounded before it came here, and
 * readers differ in what they make of its digits (RFC 7493 section 2.2). From 1e21 on ECMAScript writes an exponent, which
 * everybody reads as a double.
 *
 * @throws CodedError `not_canonicalizable` for NaN, infinities, such integers, lone surrogates, bigint, functions,
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
      if (isInexactInteger(value)) throw refuse('an integer beyond 2^53 - 1');
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
    // Only its own members are read.
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

/** Whether the value's digits would not identify the intended integer. */
function isInexactInteger(value: number): boolean {
  return Math.abs(value) > Number.MAX_SAFE_INTEGER && Math.abs(value) < 1e21;
}

function refuse(what: string): CodedError {
  return new CodedError({
    code: 'not_canonicalizable',
    category: 'invalid',
    detail: `The value cannot be written as canonical JSON (RFC 8785): it holds ${what}.`,
  });
}

/**
 * Parses untrusted JSON. Size is checked before parsing. A duplicate key in an object is refused, because two parsers could read
 * different values. A number beyond 2^53 - 1 is refused in any notation, because it would be rounded silently (RFC 7493 section
 * 2.2).
 *
 * @returns the value, or a CodedError `invalid_json` (returned, not thrown, so that callers choose their own code).
 */
export function parseJson(
  text: string,
  options: { readonly maxLength?: number } = {},
): { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly problem: string } {
  const parsed = parseBounded(text, options.maxLength);
  if (!parsed.ok) return parsed;
  if (!parsed.isExact) return { ok: false, problem: 'it holds a number beyond 2^53 - 1' };
  return { ok: true, value: parsed.value };
}

/**
 * As {@link parseJson}, for formats with larger integers: an integer beyond 2^53 - 1 becomes a `bigint`. Such a number with a
 * fraction, an exponent or more than 32 digits is refused.
 */
export function parseExactJson(
  text: string,
  options: { readonly maxLength?: number } = {},
): { readonly ok: true; readonly value: ExactJson } | { readonly ok: false; readonly problem: string } {
  const parsed = parseBounded(text, options.maxLength);
  if (!parsed.ok) return parsed;
  if (parsed.isExact) return { ok: true, value: parsed.value };
  const value = readExactly(text);
  return value === undefined
    ? { ok: false, problem: 'it holds a number that cannot be kept exactly' }
    : { ok: true, value };
}

type Bounded =
  /** `isExact` is false when a number is beyond 2^53 - 1. */
  | { readonly ok: true; readonly value: Json; readonly isExact: boolean }
  | { readonly ok: false; readonly problem: string };

function parseBounded(text: string, maxLength = 1_048_576): Bounded {
  if (text.length > maxLength) return { ok: false, problem: 'it is too long' };
  const scan = scanText(text);
  if (scan.depth > maxDepth) return { ok: false, problem: 'it is nested deeper than 64 levels' };
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, problem: 'it is not JSON' };
  }
  const survey = { keys: 0, isExact: true };
  surveyValue(value, survey);
  if (scan.keys !== survey.keys) return { ok: false, problem: 'it holds the same key twice in one object' };
  return { ok: true, value, isExact: survey.isExact };
}

/**
 * Nesting depth and number of keys of a JSON text. One pass without recursion or backtracking, because it runs on all untrusted
 * JSON before any other processing.
 */
function scanText(text: string): { readonly depth: number; readonly keys: number } {
  let depth = 0;
  let deepest = 0;
  let keys = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: // a string: on to its closing quote
        for (at++; at < text.length && text.charCodeAt(at) !== 0x22; at++) if (text.charCodeAt(at) === 0x5c) at++;
        break;
      case 0x3a: // a colon outside a string follows a key, and nothing else does
        keys++;
        break;
      case 0x7b:
      case 0x5b:
        depth++;
        if (depth > deepest) deepest = depth;
        break;
      case 0x7d:
      case 0x5d:
        depth--;
        break;
      default:
    }
  }
  return { depth: deepest, keys };
}

interface Survey {
  /** Keys that survived parsing. `__proto__` is an own key after JSON.parse, so it counts like any other. */
  keys: number;
  /** False when a number is beyond 2^53 - 1. */
  isExact: boolean;
}

function surveyValue(value: Json, survey: Survey): void {
  if (typeof value === 'number') {
    if (Math.abs(value) > Number.MAX_SAFE_INTEGER) survey.isExact = false;
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) surveyValue(item, survey);
    return;
  }
  for (const member of Object.values(value)) {
    survey.keys++;
    surveyValue(member, survey);
  }
}
