import { type Json, membersOf } from '@countersign/kernel';
import type { Predicate } from '../filter/compile-filter.ts';
import type { Attribute } from '../schema/attribute.ts';
import { named } from '../schema/attribute-path.ts';
import { scimErrors } from '../schema/errors.ts';
import { distinct, readAssigned } from '../schema/read-value.ts';

/**
 * Changes the selected values (RFC 7644 section 3.5.2).
 *
 * @throws CodedError `scim_no_target` if `add` or `replace` selects nothing, `scim_path_invalid`,
 * `scim_attribute_immutable`, `scim_value_invalid`
 */
export function changeSelected(
  container: Record<string, Json>,
  attribute: Attribute,
  change: {
    readonly op: 'add' | 'remove' | 'replace';
    readonly selects: Predicate;
    /** The sub-attribute to change; the whole value if left out. */
    readonly sub: string | undefined;
    readonly value: Json | undefined;
  },
): void {
  const { op, selects, sub, value } = change;
  if (!attribute.multiValued || attribute.type !== 'complex')
    throw scimErrors.error('scim_path_invalid', `${attribute.name} has no values that a filter could select.`);
  const stored = container[attribute.name];
  const before: readonly Json[] = Array.isArray(stored) ? stored : [];
  const part = sub === undefined ? undefined : subAttribute(attribute, sub);
  if (part === 'unkept') return;
  if (op === 'remove') {
    if (part !== undefined)
      throw scimErrors.error(
        'scim_attribute_immutable',
        `A value of ${attribute.name} does not exist without ${part.name}.`,
      );
    put(
      container,
      attribute,
      before.filter((item) => !selects(item)),
    );
    return;
  }
  if (!before.some(selects))
    throw scimErrors.error('scim_no_target', `The filter selects no value of ${attribute.name}.`);
  const replacement = part === undefined ? membersOf(value) : { [part.name]: value ?? null };
  if (replacement === undefined) throw scimErrors.error('scim_value_invalid', `${attribute.name} has complex values.`);
  const after = before.map((item) => (selects(item) ? { ...membersOf(item), ...replacement } : item));
  const read = readAssigned(attribute, after);
  put(container, attribute, Array.isArray(read) ? read : []);
}

function subAttribute(attribute: Attribute, name: string): Attribute | 'unkept' {
  const found = named(attribute.subAttributes, name);
  if (found?.mutability === 'readOnly')
    throw scimErrors.error('scim_attribute_immutable', `${found.name} is read-only.`);
  if (found !== undefined) return found;
  if (['type', 'primary', 'display'].includes(name.toLowerCase())) return 'unkept';
  throw scimErrors.error('scim_path_invalid', `${attribute.name} has no ${name.slice(0, 64)}.`);
}

function put(container: Record<string, Json>, attribute: Attribute, values: readonly Json[]): void {
  if (values.length === 0) delete container[attribute.name];
  else container[attribute.name] = distinct(values);
}
