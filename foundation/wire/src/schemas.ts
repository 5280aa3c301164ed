import type { ValueSchema } from '@countersign/contracts/call-schemas';

export type Definitions = Readonly<Record<string, ValueSchema>>;

const prefix = '#/$defs/';

/** The schema that `$ref` names; itself where it names none. */
export function resolve(schema: ValueSchema, definitions: Definitions): ValueSchema {
  if (schema.$ref === undefined) return schema;
  const name = nameOf(schema.$ref);
  const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
  if (definition === undefined) throw new Error(`no definition ${schema.$ref}`);
  return definition;
}

/** What a `$ref` names. */
export function nameOf(reference: string): string {
  return reference.startsWith(prefix) ? reference.slice(prefix.length) : '';
}

/** The schemas that stand in a schema. */
export function partsOf(schema: ValueSchema): readonly ValueSchema[] {
  const { properties = {}, additionalProperties, prefixItems = [], items, anyOf = [], keys, values } = schema;
  const parts = [...Object.values(properties), additionalProperties, ...prefixItems, items, ...anyOf, keys, values];
  return parts.filter((part) => part !== undefined && part !== false);
}

/** Whether a value of the schema can have something in it that JSON does not have. */
export function reachesWire(schema: ValueSchema, definitions: Definitions): boolean {
  const visited = new Set<ValueSchema>();
  const reaches = (part: ValueSchema): boolean => {
    const resolved = resolve(part, definitions);
    if (visited.has(resolved)) return false;
    visited.add(resolved);
    return resolved.wire !== undefined || partsOf(resolved).some(reaches);
  };
  return reaches(schema);
}
