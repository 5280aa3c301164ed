import { type EntityInput, maxAncestors, readEntity, refuseEntity } from './entity.ts';
import { EntitySnapshot, nextSerial, type SharedEntities } from './entity-snapshot.ts';
import { EntityTable } from './entity-table.ts';
import { cedarErrors } from './errors.ts';
import { type KnownAncestors, relate } from './relate.ts';
import { type Entity, type EntityReference, type EntityUid, isActionType, type UnrelatedEntity } from './value.ts';

/** Where entities come from when they are first asked for. */
export interface LazyEntities {
  /**
   * The entity of this type and id, or undefined when there is none: for the life of the snapshot always the same
   * answer. It must not be slow, and nobody may change what it returned.
   */
  load(uid: { readonly type: string; readonly id: string }): EntityInput | undefined;
  /**
   * Types of the entities that requests bring along. They are never loaded, and no loaded entity may have one as a
   * parent; entities of other types cannot be brought along. So no request can change what is shared.
   */
  readonly localTypes: ReadonlySet<string>;
  /** Entities that lie under the loaded ones (the reference data of the policies). None may be in both. */
  readonly base?: EntitySnapshot;
  /** Keeps what was read from one snapshot to the next. */
  readonly readings?: EntityReadings;
}

/**
 * What has been read from entities, for the snapshots of successive versions: where `load` returns the object it
 * returned before, its attributes are not read again. Ancestors are always worked out anew, because a parent may
 * have changed. Holds nothing that its owner has let go.
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
 * A snapshot that reads an entity, and its ancestors, when it is first asked for, and keeps it: making one costs
 * nothing, however many entities there are.
 *
 * What is wrong with an entity shows when it is touched, then and every time: evaluation throws (CodedError
 * `entities_refused`; `entity_conflict` when it is in the base too, or one in the base names it as a parent), and
 * nothing is decided.
 */
export function createLazySnapshot(entities: LazyEntities): EntitySnapshot {
  return new EntitySnapshot(new LoadedEntities(entities));
}

class LoadedEntities implements SharedEntities {
  readonly serial = nextSerial();
  readonly #from: LazyEntities;
  readonly #readings: EntityReadings;
  /** Only entities that exist: names of others come from requests, and could fill the memory. */
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

  /** The entity and those of its ancestors that are loaded and not known yet. */
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
