import type { Json } from '@countersign/kernel';

type Members = Readonly<Record<string, Json>>;

const nameOfSchema = /^[A-Z][A-Za-z0-9]*$/;

/**
 * Moves every schema with a one-word title to `components/schemas`, once, so that readers and generators can refer to it by
 * name.
 *
 * @throws Error if two different schemas have the same title
 */
export function withNamedSchemas(document: Members): Members {
  const schemas = new Map<string, Json>();

  function hoisted(value: Json): Json {
    if (Array.isArray(value)) return value.map(hoisted);
    if (!isMembers(value)) return value;
    const inside = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, hoisted(member)]));
    const { title } = value;
    if (typeof title !== 'string' || !nameOfSchema.test(title)) return inside;
    const known = schemas.get(title);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(inside))
      throw new Error(`two schemas have the title ${title}`);
    schemas.set(title, inside);
    return { $ref: `#/components/schemas/${title}` };
  }

  // `info` also has a title but is not a schema.
  const { openapi = '', info = {}, ...rest } = document;
  const { components = {}, ...lifted } = Object.fromEntries(
    Object.entries(rest).map(([name, member]) => [name, hoisted(member)]),
  );
  const sorted = Object.fromEntries([...schemas].sort(([one], [other]) => (one < other ? -1 : 1)));
  return { openapi, info, ...lifted, components: { ...(isMembers(components) ? components : {}), schemas: sorted } };
}

function isMembers(value: Json): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
