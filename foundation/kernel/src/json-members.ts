import type { Json } from './canonical-json.ts';

/** Whether a value is a JSON object: neither null nor a list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Members of a JSON object; undefined for any other value. */
export function membersOf(json: Json | undefined): Readonly<Record<string, Json>> | undefined {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
    ? (json as Readonly<Record<string, Json>>)
    : undefined;
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
