import { canonicalize, type Json, membersOf } from '@countersign/kernel';
import { compileValueFilter } from '../filter/compile-filter.ts';
import type { Attribute, Schema } from '../schema/attribute.ts';
import { resolveTarget } from '../schema/attribute-path.ts';
import { scimErrors } from '../schema/errors.ts';
import { distinct, identityOf, readAssigned } from '../schema/read-value.ts';
import type { ResourceShape } from '../schema/resource-shape.ts';
import type { PatchOperation } from './read-patch.ts';
import { changeSelected } from './selected-values.ts';

type Resource = { readonly [member: string]: Json };
type Draft = Record<string, Json>;

/**
 * All operations in order, or none (RFC 7644 section 3.5.2). A `remove` with a value removes only that value, as large
 * provisioning systems intend.
 *
 * @throws CodedError `scim_path_invalid`, `scim_no_target`, `scim_attribute_immutable`, `scim_value_invalid`,
 * `scim_filter_invalid`, `scim_syntax_invalid`
 */
export function applyPatch(resource: Resource, operations: readonly PatchOperation[], shape: ResourceShape): Resource {
  const draft: Draft = { ...resource };
  for (const { id } of shape.extensions) draft[id] = { ...membersOf(draft[id]) };
  for (const operation of operations) applyOperation(draft, operation, shape);
  return draft;
}

function applyOperation(draft: Draft, operation: PatchOperation, shape: ResourceShape): void {
  const { op, path, value } = operation;
  if (path === undefined) {
    if (op === 'remove') throw scimErrors.error('scim_no_target', 'A remove operation needs a path.');
    applyMembers(draft, op, value, shape);
  } else applyAt(draft, path, operation, shape);
}

function applyAt(draft: Draft, path: string, { op, value }: PatchOperation, shape: ResourceShape): void {
  const { name, filter, sub } = readPath(path);
  const target = resolveTarget(shape, name);
  if (target === undefined) throw pathInvalid(`A ${shape.name} has no ${name.slice(0, 128)}.`);
  if (target.kind === 'unkept') return;
  if (target.kind === 'extension') {
    if (filter !== undefined) throw pathInvalid('An extension has no values that a filter could select.');
    applyExtension(draft, target.schema, op, value, shape);
    return;
  }
  const container = containerOf(draft, target.extension);
  const { attribute } = target;
  if (filter !== undefined) {
    checkWritable(attribute, shape);
    const selects = compileValueFilter(filter, attribute);
    changeSelected(container, attribute, { op, selects, sub, value });
  } else if (target.sub === undefined) applyTo(container, attribute, op, value, shape);
  else if (attribute.mutability === 'readOnly') throw immutable(attribute.name);
  else throw pathInvalid(`${attribute.name} has many values: select them by a filter in brackets.`);
}

/** `attr`, or `attr[filter]`, or `attr[filter].sub` (RFC 7644 figure 7). */
function readPath(path: string): { readonly name: string; readonly filter?: string; readonly sub?: string } {
  if (path.length > 1_024) throw pathInvalid('A path has at most 1024 characters.');
  const open = path.indexOf('[');
  if (open < 0) return { name: path };
  const close = path.lastIndexOf(']');
  const behind = path.slice(close + 1);
  if (close < open || !/^(?:\.[A-Za-z$][\w$-]*)?$/.test(behind))
    throw pathInvalid('The brackets of a path do not match.');
  return {
    name: path.slice(0, open),
    filter: path.slice(open + 1, close),
    ...(behind === '' ? {} : { sub: behind.slice(1) }),
  };
}

/** Without a path, the value contains the attributes. */
function applyMembers(draft: Draft, op: 'add' | 'replace', value: Json | undefined, shape: ResourceShape): void {
  const members = membersOf(value);
  if (members === undefined)
    throw scimErrors.error('scim_value_invalid', 'Without a path the value is an object with the attributes.');
  for (const [name, member] of Object.entries(members)) {
    if (name.toLowerCase() === 'schemas') continue;
    const target = resolveTarget(shape, name);
    if (target?.kind === 'unkept') continue;
    if (target?.kind === 'extension') applyExtension(draft, target.schema, op, member, shape);
    else if (target === undefined || target.sub !== undefined)
      throw pathInvalid(`A ${shape.name} has no ${name.slice(0, 128)}.`);
    else applyTo(containerOf(draft, target.extension), target.attribute, op, member, shape);
  }
}

function applyExtension(
  draft: Draft,
  { id, attributes }: Schema,
  op: PatchOperation['op'],
  value: Json | undefined,
  shape: ResourceShape,
): void {
  if (op === 'remove') {
    const container = containerOf(draft, id);
    for (const { name, mutability } of attributes) if (mutability !== 'readOnly') delete container[name];
    return;
  }
  const members = membersOf(value);
  if (members === undefined) throw scimErrors.error('scim_value_invalid', `${id} is an object.`);
  const named = Object.entries(members).map(([name, member]) => [`${id}:${name}`, member]);
  applyMembers(draft, op, Object.fromEntries(named), shape);
}

function applyTo(
  container: Draft,
  attribute: Attribute,
  op: PatchOperation['op'],
  value: Json | undefined,
  shape: ResourceShape,
): void {
  const { name, multiValued } = attribute;
  const before = container[name];
  if (attribute.mutability === 'readOnly') {
    // A client that sends back an unchanged value changes nothing.
    if (op !== 'remove' && value !== undefined && canonicalize(value) === canonicalize(before ?? null)) return;
    throw immutable(name);
  }
  if (op === 'remove') {
    checkWritable(attribute, shape);
    const taken = multiValued && value !== undefined ? readAssigned(attribute, value) : null;
    assign(container, name, Array.isArray(taken) ? without(listed(before), taken) : null);
    return;
  }
  const read = readAssigned(attribute, value ?? null);
  if (attribute.mutability === 'immutable') {
    if (!isSame(attribute, read, before)) throw immutable(name);
    return;
  }
  if (op === 'add' && read === null) return;
  const isAdded = op === 'add' && multiValued && Array.isArray(read);
  // An existing value keeps the data that we added to it.
  assign(container, name, isAdded ? distinct([...read, ...listed(before)]) : read);
}

function containerOf(draft: Draft, extension: string | undefined): Draft {
  if (extension === undefined) return draft;
  const container: Draft = { ...membersOf(draft[extension]) };
  draft[extension] = container;
  return container;
}

function assign(container: Draft, name: string, value: Json): void {
  if (value === null || (Array.isArray(value) && value.length === 0)) delete container[name];
  else container[name] = value;
}

function without(values: readonly Json[], taken: readonly Json[]): readonly Json[] {
  const gone = new Set(taken.map(identityOf));
  return values.filter((value) => !gone.has(identityOf(value)));
}

function isSame({ caseExact }: Attribute, value: Json, before: Json | undefined): boolean {
  if (typeof value === 'string' && typeof before === 'string' && !caseExact)
    return value.toLowerCase() === before.toLowerCase();
  return canonicalize(value) === canonicalize(before ?? null);
}

function listed(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

/** RFC 7644 section 3.5.2.2: required and read-only attributes cannot be removed. */
function checkWritable({ name, mutability, required }: Attribute, { core }: ResourceShape): void {
  if (
    mutability === 'readOnly' ||
    mutability === 'immutable' ||
    (required && core.attributes.some((it) => it.name === name))
  )
    throw immutable(name);
}

function immutable(name: string) {
  return scimErrors.error('scim_attribute_immutable', `${name} cannot be changed in this way.`);
}

function pathInvalid(detail: string) {
  return scimErrors.error('scim_path_invalid', detail);
}
