import { Ancestors, noAncestors } from './ancestors.ts';
import { maxAncestors, refuseEntity } from './entity.ts';
import { Entity, type EntityReference, type UnrelatedEntity } from './value.ts';

/** Ancestors by the parents they come from, so that a thousand accounts of one desk share them. */
export type KnownAncestors = Map<string, Ancestors>;

/**
 * Computes the ancestors of entities whose parents are among them, are found by `lookUp`, or do not exist.
 * Depth first with its own stack, because a chain of a million parents must not exhaust the machine's.
 * @throws CodedError `entities_refused` for an entity that is its own ancestor or has more than 1,024
 */
export function relate(
  unrelated: ReadonlyMap<string, UnrelatedEntity>,
  lookUp: (reference: EntityReference) => Entity | undefined,
  known: KnownAncestors,
): ReadonlyMap<string, Entity> {
  const related = new Map<string, Entity>();
  const find = (reference: EntityReference): Entity | undefined => related.get(reference.key) ?? lookUp(reference);
  const open = new Set<string>();
  const pending = Array.from(unrelated.values());
  for (let entity = pending.at(-1); entity !== undefined; entity = pending.at(-1)) {
    const { key } = entity.reference;
    if (related.has(key)) {
      pending.pop();
      continue;
    }
    open.add(key);
    const waitsFor = entity.parents.filter((parent) => unrelated.has(parent.key) && !related.has(parent.key));
    for (const parent of waitsFor) {
      if (open.has(parent.key)) throw refuseEntity(parent, 'is its own ancestor');
      const parentEntity = unrelated.get(parent.key);
      if (parentEntity !== undefined) pending.push(parentEntity);
    }
    if (waitsFor.length > 0) continue;
    related.set(key, withAncestors(entity, find, known));
    open.delete(key);
    pending.pop();
  }
  return related;
}

/** The entity with its ancestors, when those of its parents are known. */
export function withAncestors(
  entity: UnrelatedEntity,
  lookUp: (reference: EntityReference) => Entity | undefined,
  known?: KnownAncestors,
): Entity {
  return new Entity(entity, ancestorsOf(entity.reference, entity.parents, lookUp, known));
}

function ancestorsOf(
  of: EntityReference,
  parents: readonly EntityReference[],
  lookUp: (reference: EntityReference) => Entity | undefined,
  known: KnownAncestors | undefined,
): Ancestors {
  if (parents.length === 0) return noAncestors;
  // // NUL separates type from id and ids may hold any character, so lengths separate the keys.
  const family = known === undefined ? '' : parents.map(({ key }) => `${key.length}:${key}`).join();
  const shared = known?.get(family);
  if (shared !== undefined) return shared;
  const references = new Map<string, EntityReference>();
  for (const parent of parents) {
    references.set(parent.key, parent);
    for (const above of lookUp(parent)?.ancestors.references ?? []) references.set(above.key, above);
    if (references.size > maxAncestors) throw refuseEntity(of, `has more than ${maxAncestors} ancestors`);
  }
  const ancestors = new Ancestors(Array.from(references.values()));
  known?.set(family, ancestors);
  return ancestors;
}
