import { type Json, membersOf } from '@countersign/kernel';
import type { Attribute, Schema } from './attribute.ts';
import { named } from './attribute-path.ts';
import { scimErrors } from './errors.ts';
import { readAssigned } from './read-value.ts';
import { commonAttributes, type ResourceShape } from './resource-shape.ts';

/** A value, null to unassign, or absent. Names are spelled as in the schemas. */
export interface Asserted {
  readonly core: Readonly<Record<string, Json>>;
  /** By URN; only extensions that were sent. */
  readonly extensions: Readonly<Record<string, Readonly<Record<string, Json>>>>;
}

/**
 * Read-only attributes and known attributes that are not stored are dropped (RFC 7644 section 3.3). Unknown ones are
 * refused: the caller would assume that they were stored.
 *
 * @throws CodedError `scim_syntax_invalid`, `scim_value_invalid`
 */
export function readResource(body: Json | undefined, shape: ResourceShape): Asserted {
  const members = membersOf(body);
  if (members === undefined) throw syntax('The body is a JSON object: a resource.');
  checkSchemas(members, shape);
  const core: Record<string, Json> = {};
  const extensions: Record<string, Record<string, Json>> = {};
  for (const [name, value] of Object.entries(members)) {
    const extension = shape.extensions.find(({ id }) => id.toLowerCase() === name.toLowerCase());
    if (extension !== undefined) {
      if (extensions[extension.id] !== undefined) throw syntax(`${extension.id} is given twice.`);
      extensions[extension.id] = readExtension(value, extension);
    } else if (!shape.unkept.has(name.toLowerCase()))
      assign(core, named([...commonAttributes, ...shape.core.attributes], name), name, value);
  }
  const missing = shape.core.attributes.find(({ name, required }) => required && (core[name] ?? null) === null);
  if (missing !== undefined) throw scimErrors.error('scim_value_invalid', `${missing.name} is required.`);
  return { core, extensions };
}

function checkSchemas(members: Readonly<Record<string, Json>>, shape: ResourceShape): void {
  const schemas = Object.entries(members).find(([name]) => name.toLowerCase() === 'schemas')?.[1];
  const known = [shape.core, ...shape.extensions].map(({ id }) => id.toLowerCase());
  const urns: readonly Json[] = Array.isArray(schemas) ? schemas : [];
  for (const urn of urns) {
    const lower = typeof urn === 'string' ? urn.toLowerCase() : '';
    if (!known.includes(lower) && !shape.unkept.has(lower))
      throw syntax(`A ${shape.name} has no schema ${String(urn).slice(0, 128)}.`);
  }
  if (!urns.some((urn) => typeof urn === 'string' && urn.toLowerCase() === shape.core.id.toLowerCase()))
    throw syntax(`schemas lists ${shape.core.id}.`);
}

function readExtension(value: Json, { id, attributes }: Schema): Record<string, Json> {
  const read: Record<string, Json> = {};
  if (value === null) {
    for (const { name, mutability } of attributes) if (mutability !== 'readOnly') read[name] = null;
    return read;
  }
  const members = membersOf(value);
  if (members === undefined) throw syntax(`${id} is an object.`);
  for (const [name, member] of Object.entries(members)) assign(read, named(attributes, name), name, member);
  return read;
}

function assign(into: Record<string, Json>, attribute: Attribute | undefined, name: string, value: Json): void {
  if (attribute === undefined) throw syntax(`There is no attribute ${name.slice(0, 128)} that could be assigned here.`);
  if (attribute.mutability === 'readOnly') return;
  if (Object.hasOwn(into, attribute.name)) throw syntax(`${attribute.name} is given twice.`);
  into[attribute.name] = readAssigned(attribute, value);
}

function syntax(detail: string) {
  return scimErrors.error('scim_syntax_invalid', detail);
}
