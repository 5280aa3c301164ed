import { type Json, membersOf } from '@countersign/kernel';
import type { JsonObject } from './jws.ts';

export function asJsonObject(value: Json | undefined): JsonObject | undefined {
  return membersOf(value);
}

/** Own members only, without `Object.prototype`. */
export function memberOf(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** 1 to `maxItems` strings of 1 to `maxLength` characters. */
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

/** The member if its value is defined, to spread into a result. */
export function given<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [name in Name]?: Value } {
  // The computed name is exactly this one.
  return value === undefined ? {} : ({ [name]: value } as { readonly [name in Name]: Value });
}
