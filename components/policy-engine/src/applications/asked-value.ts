import type { RecordType, ValueType } from '@countersign/cedar';
import type { Json } from '@countersign/kernel';

const extensions = { decimal: 'decimal', ipaddr: 'ip', datetime: 'datetime', duration: 'duration' } as const;

/**
 * Converts a value of a question into Cedar's JSON form by its declared type: text into a decimal, an address or a time, and an id
 * into the name of an entity. The type never depends on the question.
 *
 * @returns undefined for a value of another type
 */
function askedValue(type: ValueType, json: Json | undefined): Json | undefined {
  switch (type.kind) {
    case 'boolean':
      return typeof json === 'boolean' ? json : undefined;
    case 'long':
      return typeof json === 'number' && Number.isSafeInteger(json) ? json + 0 : undefined;
    case 'string':
      return typeof json === 'string' && json.isWellFormed() ? json : undefined;
    case 'decimal':
    case 'ipaddr':
    case 'datetime':
    case 'duration':
      return typeof json === 'string' && json.isWellFormed()
        ? { __extn: { arg: json, fn: extensions[type.kind] } }
        : undefined;
    case 'entity':
      return typeof json === 'string' && json.isWellFormed() ? { __entity: { id: json, type: type.type } } : undefined;
    case 'set':
      return Array.isArray(json) ? allOf(json as readonly Json[], type.element) : undefined;
    case 'record':
      return typeof json === 'object' && json !== null && !Array.isArray(json)
        ? askedRecord(type, json as Readonly<Record<string, Json>>)
        : undefined;
    default:
      return type satisfies never;
  }
}

/** The declared members of a record, without others. @returns undefined if a member has another type */
export function askedRecord(
  { attributes }: RecordType,
  members: Readonly<Record<string, Json>>,
): Readonly<Record<string, Json>> | undefined {
  const read: [string, Json][] = [];
  for (const [name, { type }] of attributes) {
    if (!Object.hasOwn(members, name)) continue;
    const value = askedValue(type, members[name]);
    if (value === undefined) return undefined;
    read.push([name, value]);
  }
  return Object.fromEntries(read);
}

function allOf(items: readonly Json[], element: ValueType): Json | undefined {
  const values = items.map((item) => askedValue(element, item));
  return values.includes(undefined) ? undefined : (values as Json[]);
}
