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

/** The entities everybody shares, however they are kept. They do not change. */
export interface SharedEntities {
  /** From {@link nextSerial}. */
  readonly serial: number;
  find(uid: EntityUid): Entity | undefined;
  /** Whether an entity of one request would change what is said here: it is known, or an ancestor of one that is. */
  refusesLocal(reference: EntityReference): boolean;
}

let serials = 0;

/** Numbers of their own for snapshots, by which references remember where they were looked up without holding on to it. */
export function nextSerial(): number {
  serials += 1;
  return serials;
}

/** Local entities up to which looking through them is quicker than making a table. */
const fewLocal = 8;
const maxClosure = 65_536;

/**
 * Entities that never change, with the ancestors of each worked out once.
 *
 * Action entities are not among them: they come from the schema, with the policies.
 */
export class EntitySnapshot {
  readonly #shared: SharedEntities;
  readonly #local: readonly Entity[];
  readonly #localTable: EntityTable | undefined;
  readonly #serial: number;
  readonly #sharedSerial: number;

  /** Use {@link createEntitySnapshot} or `createLazySnapshot`, which check; this takes what it is given. */
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
   * As `find`, for references that are followed often: they remember what they lead to. What is shared is the same in
   * every snapshot over it, because nothing that a request brings along can take its place.
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

  /** Whether `with` would refuse it: it is here, or an ancestor of one that is, or of a type that is not local. */
  refusesLocal(reference: EntityReference): boolean {
    return this.#findLocal(reference) !== undefined || this.#shared.refusesLocal(reference);
  }

  /**
   * These entities and a few more, of one request (the order being decided). It costs what the few cost,
   * however large this snapshot is, and leaves this snapshot as it was.
   *
   * @throws CodedError `entities_refused` for malformed entities; `entity_conflict` when one of them is here
   *   already or is named as a parent here, because the ancestors worked out before would then be wrong.
   */
  with(entities: readonly EntityInput[]): EntitySnapshot {
    return this.withRead(readAll(entities));
  }

  /**
   * As {@link with}, of entities whose maker vouches that they are what would be read from the JSON form.
   *
   * @throws CodedError `entity_conflict`
   */
  withRead(added: readonly UnrelatedEntity[]): EntitySnapshot {
    for (const { reference } of added) if (this.refusesLocal(reference)) throw conflict(reference);
    const repeated = firstRepeated(added);
    if (repeated !== undefined) throw conflict(repeated);
    // One level at most, so that looking up stays two steps: what an overlay holds is few.
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
   * The roots and every entity that can be reached from them over parents, attributes and tags, by ascending type
   * and id; names that have no entity here are passed over. No policy that starts from these roots can see more.
   *
   * @throws CodedError `entities_refused` when there are more than 65,536
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

  /** {@link reachableFrom} in Cedar's JSON form: a snapshot of these answers every question about the roots alike. */
  closureOf(roots: Iterable<EntityUid>): EntityJson[] {
    return this.reachableFrom(roots).map(entityToJson);
  }
}

/**
 * Reads entities and works out their ancestors. A parent need not be among them.
 *
 * @throws CodedError `entities_refused`: malformed data, an integer beyond 2^53, the same entity twice, an entity
 *   that is its own ancestor, or an action entity.
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

/** Shared entities that are all there from the beginning. */
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
