import type { Json } from './canonical-json.ts';

/** Whether a value is a JSON object: neither null nor a list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Members of a JSON object; undefined for any other value. */
export function membersOf(json: Json | undefined): Readonly<Record<string, Json>> | undefined {
  // The members of a JSON value are JSON values.
  return isObject(json) ? (json as Readonly<Record<string, Json>>) : undefined;
}

/** Applies `read` to every item of a JSON array; undefined for any other JSON, and when an item cannot be read. */
export function listOf<Item>(
  json: Json | undefined,
  read: (item: Json) => Item | undefined,
): readonly Item[] | undefined {
  if (!Array.isArray(json)) return undefined;
  const items: Item[] = [];
  for (const element of json) {
    const item = read(element);
    if (item === undefined) return undefined;
    items.push(item);
  }
  return items;
}

/** A type whose values are JSON: members of other types, such as functions and bigints, become `never`. */
export type JsonLike<Value> = Value extends string | number | boolean | null | undefined
  ? Value
  : Value extends bigint | symbol | ((...args: never) => unknown)
    ? never
    : { readonly [Name in keyof Value]: JsonLike<Value[Name]> };

/** A value as JSON whose type says that it is; TypeScript does not convert interfaces to {@link Json} by itself. */
export function plainJson<Value>(value: Value & JsonLike<Value>): Json {
  // The type of the parameter permits only JSON.
  return value as unknown as Json;
}

/** The own names of an object literal, with their type. Not for objects that may have more members than their type. */
export function namesOf<Name extends string>(object: { readonly [name in Name]: unknown }): Name[] {
  // A literal has only the members of its type.
  return Object.keys(object) as Name[];
}
