import type { Json } from '@countersign/kernel';
import type { JsonObject } from './jws.ts';

/** A JSON object, or undefined for every other value. */
export function asJsonObject(value: Json | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

/** An own member of the object; properties of `Object.prototype` do not count. */
export function memberOf(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** A list of 1 to `maxItems` strings of 1 to `maxLength` characters each, or undefined. */
export function asStrings(
  value: Json | undefined,
  limits: { readonly maxItems: number; readonly maxLength: number },
): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > limits.maxItems) return undefined;
  const strings: string[] = [];
  for (const item of value) {
    if (typeof item !== 'string' || item.length === 0 || item.length > limits.maxLength) return undefined;
    strings.push(item);
  }
  return strings;
}

/** Returns an object with the member if the value is defined, to spread into a result with optional members. */
export function given<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [name in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [name in Name]: Value });
}
