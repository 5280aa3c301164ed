import type { ValueSchema } from '@countersign/contracts/call-schemas';

export type Definitions = Readonly<Record<string, ValueSchema>>;

const prefix = '#/$defs/';

/** The schema that `$ref` refers to; the schema itself without a `$ref`. */
export function resolve(schema: ValueSchema, definitions: Definitions): ValueSchema {
  if (schema.$ref === undefined) return schema;
  const name = nameOf(schema.$ref);
  const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
  if (definition === undefined) throw new Error(`no definition ${schema.$ref}`);
  return definition;
}

/** The name in a `$ref`. */
export function nameOf(reference: string): string {
  return reference.startsWith(prefix) ? reference.slice(prefix.length) : '';
}

export function partsOf(schema: ValueSchema): readonly ValueSchema[] {
  const { properties = {}, additionalProperties, prefixItems = [], items, anyOf = [], keys, values } = schema;
  const parts = [...Object.values(properties), additionalProperties, ...prefixItems, items, ...anyOf, keys, values];
  return parts.filter((part) => part !== undefined && part !== false);
}

/** Whether the schema or any nested schema satisfies the predicate. */
export function reaches(
  schema: ValueSchema,
  definitions: Definitions,
  isSuch: (part: ValueSchema) => boolean,
): boolean {
  const visited = new Set<ValueSchema>();
  const find = (part: ValueSchema): boolean => {
    const resolved = resolve(part, definitions);
    if (visited.has(resolved)) return false;
    visited.add(resolved);
    return isSuch(resolved) || partsOf(resolved).some(find);
  };
  return find(schema);
}
