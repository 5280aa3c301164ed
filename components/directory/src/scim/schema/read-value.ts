import { canonicalize, isVisibleText, type Json, membersOf } from '@countersign/kernel';
import type { Attribute } from './attribute.ts';
import { named } from './attribute-path.ts';
import { scimErrors } from './errors.ts';

const maxTextLength = 512;
/** Most values of one attribute: the number of people at the largest desk. */
const maxValues = 10_000;
/** RFC 7643 section 2.4: default sub-attributes of multi-valued attributes, which are not stored here. */
const unkeptSubAttributes: ReadonlySet<string> = new Set(['type', 'primary', 'display', '$ref']);

/**
 * For a multi-valued attribute a list without duplicates; read-only parts are left out.
 *
 * @returns null for an attribute to be unassigned (RFC 7643 section 2.5)
 *
 * @throws CodedError `scim_value_invalid`
 */
export function readAssigned(attribute: Attribute, value: Json): Json {
  if (value === null || (Array.isArray(value) && value.length === 0)) return null;
  if (!attribute.multiValued) return readOne(attribute, value);
  const items: readonly Json[] = Array.isArray(value) ? value : [value];
  if (items.length > maxValues)
    throw scimErrors.error('scim_too_many', `${attribute.name} has more than ${maxValues} values.`);
  return distinct(items.map((item) => readOne(attribute, item)));
}

function readOne(attribute: Attribute, value: Json): Json {
  switch (attribute.type) {
    case 'boolean': {
      // Some provisioning systems send "True" and "False".
      const text = typeof value === 'string' ? value.toLowerCase() : value;
      if (typeof text === 'boolean' || text === 'true' || text === 'false') return text === true || text === 'true';
      break;
    }
    case 'complex':
      return readComplex(attribute, value);
    default:
      if (typeof value === 'string' && isPlain(value)) return value;
  }
  throw invalid(
    attribute,
    `is a ${attribute.type}${attribute.type === 'boolean' ? '' : ` of 1 to ${maxTextLength} characters`}`,
  );
}

function readComplex(attribute: Attribute, value: Json): Json {
  const members = membersOf(value);
  if (members === undefined) throw invalid(attribute, 'has complex values: objects with sub-attributes');
  const read: Record<string, Json> = {};
  for (const [name, member] of Object.entries(members)) {
    const sub = named(attribute.subAttributes, name);
    if (sub === undefined && !unkeptSubAttributes.has(name.toLowerCase()))
      throw invalid(attribute, `has no sub-attribute ${name.slice(0, 64)}`);
    if (sub === undefined || sub.mutability === 'readOnly' || member === null) continue;
    if (Object.hasOwn(read, sub.name)) throw invalid(attribute, `names its sub-attribute ${sub.name} twice`);
    read[sub.name] = readOne(sub, member);
  }
  const missing = attribute.subAttributes?.find(({ name, required }) => required && read[name] === undefined);
  if (missing !== undefined) throw invalid(attribute, `needs its sub-attribute ${missing.name}`);
  return read;
}

export function identityOf(value: Json): string {
  const inner = membersOf(value)?.['value'];
  return typeof inner === 'string' ? inner : canonicalize(inner ?? value);
}

export function distinct(values: readonly Json[]): readonly Json[] {
  return [...new Map(values.map((value) => [identityOf(value), value])).values()];
}

function isPlain(text: string): boolean {
  return text.length <= maxTextLength && isVisibleText(text);
}

function invalid({ name }: Attribute, what: string) {
  return scimErrors.error('scim_value_invalid', `${name} ${what}.`);
}
