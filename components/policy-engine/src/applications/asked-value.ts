import type { RecordType, ValueType } from '@countersign/cedar';
import type { Json } from '@countersign/kernel';

const extensions = { decimal: 'decimal', ipaddr: 'ip', datetime: 'datetime', duration: 'duration' } as const;

/**
 * A value of a question in Cedar's JSON form, by the type that the schema declares: the text of a decimal, an address or a
 * time becomes one, and the id of an entity its name. So a question cannot say which form its text has.
 *
 * @returns undefined for what is not of the type
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

/** What is declared of a record; what is not declared is left out. @returns undefined where something is not of its type */
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
