import { type Json, membersOf } from '@countersign/kernel';
import type { Attribute } from './attribute.ts';
import { resolveTarget, type Target } from './attribute-path.ts';
import { commonAttributes, type ResourceShape } from './resource-shape.ts';

type Resource = { readonly [member: string]: Json };

export interface Projection {
  /** In addition to those that are always returned; all if left out. */
  readonly attributes?: readonly string[];
  readonly excludedAttributes?: readonly string[];
}

export function project(resource: Resource, shape: ResourceShape, wanted: Projection): Resource {
  const included = wanted.attributes === undefined ? undefined : targetsOf(wanted.attributes, shape);
  const excluded = targetsOf(wanted.excludedAttributes ?? [], shape);
  const shown: Record<string, Json> = projectMembers(
    resource,
    [...commonAttributes, ...shape.core.attributes],
    undefined,
    included,
    excluded,
  );
  for (const { id, attributes } of shape.extensions) {
    const members = membersOf(resource[id]);
    if (members === undefined) continue;
    const part = projectMembers(members, attributes, id, included, excluded);
    if (Object.keys(part).length > 0) shown[id] = part;
  }
  return shown;
}

function targetsOf(names: readonly string[], shape: ResourceShape): readonly Target[] {
  return names.flatMap((name) => resolveTarget(shape, name) ?? []);
}

function projectMembers(
  members: Resource,
  attributes: readonly Attribute[],
  extension: string | undefined,
  included: readonly Target[] | undefined,
  excluded: readonly Target[],
): Record<string, Json> {
  const shown: Record<string, Json> = {};
  for (const attribute of attributes) {
    const value = members[attribute.name];
    if (value === undefined || attribute.returned === 'never') continue;
    const always = attribute.returned === 'always';
    const inIncluded = included === undefined || always ? 'whole' : partOf(included, extension, attribute);
    const inExcluded = always ? 'none' : partOf(excluded, extension, attribute);
    if (inIncluded === 'none' || inExcluded === 'whole') continue;
    const keep = (name: string): boolean =>
      (inIncluded === 'whole' || inIncluded.has(name)) && (inExcluded === 'none' || !inExcluded.has(name));
    shown[attribute.name] = attribute.subAttributes === undefined ? value : withSubAttributes(value, keep);
  }
  return shown;
}

function partOf(
  targets: readonly Target[],
  extension: string | undefined,
  attribute: Attribute,
): 'whole' | 'none' | ReadonlySet<string> {
  const subs = new Set<string>();
  for (const target of targets) {
    if (target.kind === 'extension' && target.schema.id === extension) return 'whole';
    if (target.kind !== 'attribute' || target.extension !== extension || target.attribute !== attribute) continue;
    if (target.sub === undefined) return 'whole';
    subs.add(target.sub.name);
  }
  return subs.size === 0 ? 'none' : subs;
}

function withSubAttributes(value: Json, keep: (name: string) => boolean): Json {
  if (Array.isArray(value)) return value.map((item: Json) => withSubAttributes(item, keep));
  const members = membersOf(value);
  return members === undefined ? value : Object.fromEntries(Object.entries(members).filter(([name]) => keep(name)));
}
