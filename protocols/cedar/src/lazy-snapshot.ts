import { type EntityInput, maxAncestors, readEntity, refuseEntity } from './entity.ts';
import { EntitySnapshot, nextSerial, type SharedEntities } from './entity-snapshot.ts';
import { EntityTable } from './entity-table.ts';
import { cedarErrors } from './errors.ts';
import { type KnownAncestors, relate } from './relate.ts';
import { type Entity, type EntityReference, type EntityUid, isActionType, type UnrelatedEntity } from './value.ts';

/** The source of entities, which the snapshot loads on first use. */
export interface LazyEntities {
  /**
   * The entity of this type and id, or undefined if none exists. The answer must stay the same for the life of the snapshot.
   * The call must be fast, and its result must not be changed.
   */
  load(uid: { readonly type: string; readonly id: string }): EntityInput | undefined;
  /**
   * Types of request-local entities. The snapshot never loads these types, and no loaded entity may have one as a parent.
   * Requests cannot supply other types, so no request can change shared entities.
   */
  readonly localTypes: ReadonlySet<string>;
  /** Base entities below the loaded ones (the reference data of the policies). No entity may be in both. */
  readonly base?: EntitySnapshot;
  /** Cache of parsed entities across snapshots. */
  readonly readings?: EntityReadings;
}

/**
 * Caches parsed entities for the snapshots of successive versions. If `load` returns the same object as before, its attributes
 * are not parsed again. Ancestors are always recomputed, because a parent may have changed. The cache does not retain objects
 * that their owner has released.
 */
export class EntityReadings {
  readonly #read = new WeakMap<EntityInput, UnrelatedEntity>();

  read(input: EntityInput): UnrelatedEntity {
    const known = this.#read.get(input);
    if (known !== undefined) return known;
    const entity = readEntity(input);
    this.#read.set(input, entity);
    return entity;
  }
}

/**
 * Creates a snapshot that parses an entity and its ancestors on first use and keeps them. Creation is free for any number of
 * entities.
 *
 * An invalid entity causes an error on every use: evaluation throws (CodedError `entities_refused`; `entity_conflict` if the
 * base contains it or names it as a parent) and makes no decision.
 */
export function createLazySnapshot(entities: LazyEntities): EntitySnapshot {
  return new EntitySnapshot(new LoadedEntities(entities));
}

class LoadedEntities implements SharedEntities {
  readonly serial = nextSerial();
  readonly #from: LazyEntities;
  readonly #readings: EntityReadings;
  /** Only existing entities: other names come from requests and could exhaust memory. */
  readonly #known = new EntityTable();
  readonly #ancestors: KnownAncestors = new Map();

  constructor(from: LazyEntities) {
    this.#from = from;
    this.#readings = from.readings ?? new EntityReadings();
  }

  find(uid: EntityUid): Entity | undefined {
    return this.#known.find(uid) ?? this.#meet(uid);
  }

  refusesLocal(reference: EntityReference): boolean {
    return !this.#from.localTypes.has(reference.type) || this.#from.base?.refusesLocal(reference) === true;
  }

  #meet(uid: EntityUid): Entity | undefined {
    const loaded = this.#load(uid);
    if (loaded === undefined) {
      const below = this.#from.base?.find(uid);
      if (below !== undefined) this.#known.add(below);
      return below;
    }
    const related = relate(this.#withAncestors(loaded), (parent) => this.#above(parent), this.#ancestors);
    for (const entity of related.values()) this.#known.add(entity);
    return this.#known.find(uid);
  }

  #withAncestors(entity: UnrelatedEntity): ReadonlyMap<string, UnrelatedEntity> {
    const met = new Map([[entity.reference.key, entity]]);
    const pending = [entity];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for (const parent of next.parents) {
        if (this.#from.localTypes.has(parent.type)) {
          throw refuseEntity(next.reference, `has a parent of type ${parent.type}, which only requests bring along`);
        }
        if (met.has(parent.key) || this.#known.find(parent) !== undefined) continue;
        const loaded = this.#load(parent);
        if (loaded === undefined) continue;
        met.set(parent.key, loaded);
        pending.push(loaded);
        if (met.size > maxAncestors + 1)
          throw refuseEntity(entity.reference, `has more than ${maxAncestors} ancestors`);
      }
    }
    return met;
  }

  #above(parent: EntityUid): Entity | undefined {
    return this.#known.find(parent) ?? this.#from.base?.find(parent);
  }

  #load({ type, id }: EntityUid): UnrelatedEntity | undefined {
    if (this.#from.localTypes.has(type) || isActionType(type)) return undefined;
    const input = this.#from.load({ type, id });
    if (input === undefined) return undefined;
    const entity = this.#readings.read(input);
    const { reference } = entity;
    if (reference.type !== type || reference.id !== id) {
      throw refuseEntity(reference, 'was loaded where another was asked for');
    }
    if (this.#from.base?.refusesLocal(reference) === true) {
      throw cedarErrors.error(
        'entity_conflict',
        `A loaded entity of type ${type} is also among the entities below it, or a parent there.`,
      );
    }
    return entity;
  }
}
