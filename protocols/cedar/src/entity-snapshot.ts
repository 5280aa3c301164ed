import { type EntityInput, type EntityJson, entityToJson, readEntity, referencesOf, refuseEntity } from './entity.ts';
import { EntityTable } from './entity-table.ts';
import { cedarErrors } from './errors.ts';
import { relate, withAncestors } from './relate.ts';
import {
  type Entity,
  type EntityReference,
  type EntityUid,
  isSameEntity,
  noAttributes,
  UnrelatedEntity,
} from './value.ts';

/** The immutable entities shared by all requests, independent of their storage. */
export interface SharedEntities {
  /** From {@link nextSerial}. */
  readonly serial: number;
  find(uid: EntityUid): Entity | undefined;
  /** Whether a request-local entity would change the shared data: it is already known or is an ancestor of a known entity. */
  refusesLocal(reference: EntityReference): boolean;
}

let serials = 0;

/** Returns a unique snapshot number. References use it to remember the snapshot of their last lookup without retaining it. */
export function nextSerial(): number {
  serials += 1;
  return serials;
}

/** Up to this number of local entities a linear search is faster than a table. */
const fewLocal = 8;
const maxClosure = 65_536;

/**
 * Immutable entities with precomputed ancestors.
 *
 * Action entities are excluded: they come from the schema, with the policies.
 */
export class EntitySnapshot {
  readonly #shared: SharedEntities;
  readonly #local: readonly Entity[];
  readonly #localTable: EntityTable | undefined;
  readonly #serial: number;
  readonly #sharedSerial: number;

  /** Use {@link createEntitySnapshot} or `createLazySnapshot`, which validate; this constructor does not. */
  constructor(shared: SharedEntities, local: readonly Entity[] = []) {
    this.#shared = shared;
    this.#local = local;
    this.#serial = nextSerial();
    this.#sharedSerial = shared.serial;
    this.#localTable = local.length > fewLocal ? new EntityTable(local) : undefined;
  }

  has(uid: EntityUid): boolean {
    return this.find(uid) !== undefined;
  }

  find(uid: EntityUid): Entity | undefined {
    return this.#findLocal(uid) ?? this.#shared.find(uid);
  }

  /**
   * Like `find`, for references that are followed often: each caches its target. Shared entities are the same in every
   * snapshot over them, because request-local entities cannot replace them.
   */
  resolve(reference: EntityReference): Entity | undefined {
    if (reference.lookedUpIn === this.#sharedSerial || reference.lookedUpIn === this.#serial) return reference.found;
    const local = this.#findLocal(reference);
    const found = local ?? this.#shared.find(reference);
    if (found !== undefined) {
      reference.found = found;
      reference.lookedUpIn = local === undefined ? this.#sharedSerial : this.#serial;
    }
    return found;
  }

  #findLocal({ type, id }: EntityUid): Entity | undefined {
    if (this.#localTable !== undefined) return this.#localTable.find({ type, id });
    const local = this.#local;
    for (let position = 0; position < local.length; position++) {
      const entity = local[position];
      if (entity !== undefined && entity.reference.type === type && entity.reference.id === id) return entity;
    }
    return undefined;
  }

  /** Whether `with` would refuse the entity: it exists here, is an ancestor of one that does, or has a non-local type. */
  refusesLocal(reference: EntityReference): boolean {
    return this.#findLocal(reference) !== undefined || this.#shared.refusesLocal(reference);
  }

  /**
   * Returns a snapshot with additional request-local entities, such as the order to decide on. The cost depends only on the
   * added entities. This snapshot does not change.
   * @throws CodedError `entities_refused` for malformed entities; `entity_conflict` if one of them already exists or is a
   *   parent here, because the precomputed ancestors would be wrong.
   */
  with(entities: readonly EntityInput[]): EntitySnapshot {
    return this.withRead(readAll(entities));
  }

  /**
   * Like {@link with}, for entities that the caller guarantees to equal those parsed from the JSON form.
   * @throws CodedError `entity_conflict`
   */
  withRead(added: readonly UnrelatedEntity[]): EntitySnapshot {
    for (const { reference } of added) if (this.refusesLocal(reference)) throw conflict(reference);
    const repeated = firstRepeated(added);
    if (repeated !== undefined) throw conflict(repeated);
    // At most one overlay, so that a lookup takes two steps. An overlay holds few entities.
    const local = this.#local.length === 0 ? added : [...this.#local, ...added];
    const shared = this.#shared;
    const lookUp = (reference: EntityReference): Entity | undefined => shared.find(reference);
    if (local.length <= fewLocal && !isOneParentOfAnother(local)) {
      return new EntitySnapshot(
        shared,
        local.map((entity) => withAncestors(entity, lookUp)),
      );
    }
    const byKey = new Map(local.map((entity) => [entity.reference.key, entity]));
    return new EntitySnapshot(shared, Array.from(relate(byKey, lookUp, new Map()).values()));
  }

  /**
   * Returns the roots and every entity reachable from them by parents, attributes and tags, sorted by type and id. References
   * without an entity are skipped. A policy that starts from these roots cannot read more.
   * @throws CodedError `entities_refused` if there are more than 65,536
   */
  reachableFrom(roots: Iterable<EntityUid>): readonly Entity[] {
    const reached = new Map<string, Entity>();
    const pending = Array.from(roots);
    for (let uid = pending.pop(); uid !== undefined; uid = pending.pop()) {
      const entity = this.find(uid);
      if (entity === undefined || reached.has(entity.reference.key)) continue;
      reached.set(entity.reference.key, entity);
      if (reached.size > maxClosure) throw refuseEntity(entity.reference, `is one of more than ${maxClosure}`);
      for (const reference of referencesOf(entity)) pending.push(reference);
    }
    return Array.from(reached.values()).sort(({ reference: left }, { reference: right }) =>
      left.key < right.key ? -1 : 1,
    );
  }

  /** {@link reachableFrom} in Cedar's JSON form: a snapshot of these entities gives the same answers about the roots. */
  closureOf(roots: Iterable<EntityUid>): EntityJson[] {
    return this.reachableFrom(roots).map(entityToJson);
  }
}

/**
 * Parses entities and computes their ancestors. A parent need not be included.
 * @throws CodedError `entities_refused`: malformed data, an integer beyond 2^53, the same entity twice, an entity that is its
 *   own ancestor, or an action entity.
 */
export function createEntitySnapshot(entities: readonly EntityInput[]): EntitySnapshot {
  const read = new Map<string, UnrelatedEntity>();
  for (const entity of readAll(entities)) {
    if (read.has(entity.reference.key)) throw refuseEntity(entity.reference, 'is given twice');
    read.set(entity.reference.key, entity);
  }
  return new EntitySnapshot(listed(read));
}

/** The schema's actions and their groups, as entities without attributes. They have been checked with the schema. */
export function createActionSnapshot(
  actions: readonly { readonly reference: EntityReference; readonly parents: readonly EntityReference[] }[],
): EntitySnapshot {
  const bare = actions.map(({ reference, parents }) => new UnrelatedEntity(reference, noAttributes, parents));
  return new EntitySnapshot(listed(new Map(bare.map((action) => [action.reference.key, action]))));
}

function readAll(entities: readonly EntityInput[]): readonly UnrelatedEntity[] {
  const inputs: unknown = entities;
  if (!Array.isArray(inputs)) throw cedarErrors.error('entities_refused', 'Entities come as an array.');
  return inputs.map((input: unknown, position) => readEntity(input, position));
}

function firstRepeated(entities: readonly UnrelatedEntity[]): EntityReference | undefined {
  if (entities.length <= fewLocal) {
    for (let position = 1; position < entities.length; position++) {
      const reference = entities[position]?.reference;
      for (let before = 0; before < position; before++) {
        const earlier = entities[before]?.reference;
        if (reference !== undefined && earlier !== undefined && isSameEntity(earlier, reference)) return reference;
      }
    }
    return undefined;
  }
  const seen = new Set<string>();
  return entities.find(({ reference: { key } }) => seen.size === seen.add(key).size)?.reference;
}

function isOneParentOfAnother(entities: readonly UnrelatedEntity[]): boolean {
  for (const { parents } of entities)
    for (const parent of parents)
      for (const { reference } of entities) if (isSameEntity(reference, parent)) return true;
  return false;
}

function conflict({ type }: EntityReference): Error {
  return cedarErrors.error(
    'entity_conflict',
    `A request-local entity of type ${type} is already known to, or a parent in, the shared entities.`,
  );
}

function listed(unrelated: ReadonlyMap<string, UnrelatedEntity>): SharedEntities {
  const related = relate(unrelated, () => undefined, new Map());
  const entities = new EntityTable(related.values());
  const danglingParents = new Set<string>();
  for (const { parents } of unrelated.values()) {
    for (const { key } of parents) if (!related.has(key)) danglingParents.add(key);
  }
  return {
    serial: nextSerial(),
    find: (uid) => entities.find(uid),
    refusesLocal: (reference) =>
      entities.find(reference) !== undefined || (danglingParents.size > 0 && danglingParents.has(reference.key)),
  };
}
