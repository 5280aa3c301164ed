import type { EntityJson } from '@cedar-policy/cedar-wasm/nodejs';
import { cedarErrors } from './errors.ts';
import { isPlainObject } from './plain-object.ts';
import { type EntityReference, type EntityUid, entityKey, isActionType, parseEntityUid, RecordValue } from './value.ts';
import { MalformedValue, recordToJson, type ValueLimits, ValueReader } from './value-json.ts';

/** An entity as callers give it: attributes, tags and parents in Cedar's JSON form. */
export interface EntityInput {
  readonly uid: EntityUid;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly parents: readonly EntityUid[];
  readonly tags?: Readonly<Record<string, unknown>>;
}

export interface Entity {
  readonly reference: EntityReference;
  readonly attributes: RecordValue;
  readonly tags: RecordValue;
  readonly parents: readonly EntityReference[];
  /** Keys of all ancestors, transitively; not its own. Entities with the same parents share one set. */
  readonly ancestors: ReadonlySet<string>;
}

type UnrelatedEntity = Omit<Entity, 'ancestors'>;

const limits: ValueLimits = { maxDepth: 16, maxValues: 65_536, maxStringLength: 65_536 };
const maxAncestors = 1_024;
const noAncestors: ReadonlySet<string> = new Set();
const empty = new RecordValue(new Map());

/**
 * Entities that never change, with the ancestors of each worked out once.
 *
 * Action entities are not among them: they come from the schema, with the policies.
 */
export class EntitySnapshot {
  readonly #entities: ReadonlyMap<string, Entity>;
  /** Keys that are named as a parent and have no entity here. */
  readonly #danglingParents: ReadonlySet<string>;
  readonly #base: EntitySnapshot | undefined;

  /** Use {@link createEntitySnapshot}, which checks; this takes what it is given. */
  constructor(
    entities: ReadonlyMap<string, Entity>,
    danglingParents: ReadonlySet<string>,
    base: EntitySnapshot | undefined,
  ) {
    this.#entities = entities;
    this.#danglingParents = danglingParents;
    this.#base = base;
  }

  get size(): number {
    return this.#entities.size + (this.#base?.size ?? 0);
  }

  has(uid: EntityUid): boolean {
    return this.find(entityKey(uid.type, uid.id)) !== undefined;
  }

  /** By the key of its reference. */
  find(key: string): Entity | undefined {
    return this.#entities.get(key) ?? this.#base?.find(key);
  }

  /**
   * These entities and a few more, of one request (the order being decided). It costs what the few cost,
   * however large this snapshot is, and leaves this snapshot as it was.
   *
   * @throws CodedError `entities_refused` for malformed entities; `entity_conflict` when one of them is here
   *   already or is named as a parent here, because the ancestors worked out before would then be wrong.
   */
  with(entities: readonly EntityInput[]): EntitySnapshot {
    // One level at most, so that looking up stays two steps: what an overlay holds is few.
    const shared = this.#base ?? this;
    const local = new Map<string, UnrelatedEntity>(this.#base === undefined ? undefined : this.#entities);
    for (const entity of readEntities(entities)) {
      const { key, type } = entity.reference;
      if (local.has(key) || this.find(key) !== undefined || shared.#danglingParents.has(key)) {
        throw cedarErrors.error(
          'entity_conflict',
          `A request-local entity of type ${type} is already known to, or a parent in, the shared entities.`,
        );
      }
      local.set(key, entity);
    }
    return relate(local, shared);
  }

  /** All entities in Cedar's JSON form. */
  toJson(): EntityJson[] {
    const own = Array.from(this.#entities.values(), (entity) => ({
      uid: uidOf(entity.reference),
      attrs: recordToJson(entity.attributes),
      parents: entity.parents.map(uidOf),
      tags: recordToJson(entity.tags),
    }));
    return this.#base === undefined ? own : [...this.#base.toJson(), ...own];
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
  for (const entity of readEntities(entities)) {
    if (read.has(entity.reference.key)) throw refuse(entity.reference, 'is given twice');
    read.set(entity.reference.key, entity);
  }
  return relate(read, undefined);
}

/** The schema's actions and their groups, as entities without attributes. They have been checked with the schema. */
export function createActionSnapshot(
  actions: readonly { readonly reference: EntityReference; readonly parents: readonly EntityReference[] }[],
): EntitySnapshot {
  const bare = actions.map(({ reference, parents }) => ({ reference, parents, attributes: empty, tags: empty }));
  return relate(new Map(bare.map((action) => [action.reference.key, action])), undefined);
}

function* readEntities(entities: readonly EntityInput[]): Generator<UnrelatedEntity> {
  const inputs: unknown = entities;
  if (!Array.isArray(inputs)) throw cedarErrors.error('entities_refused', 'Entities come as an array.');
  for (const [index, input] of inputs.entries()) yield readEntity(input, index);
}

function readEntity(input: unknown, index: number): UnrelatedEntity {
  const reference = isPlainObject(input) ? parseEntityUid(input['uid']) : undefined;
  if (!isPlainObject(input) || reference === undefined) {
    throw cedarErrors.error('entities_refused', `Entity ${index} has no uid of a type name and an id.`);
  }
  if (isActionType(reference.type)) throw refuse(reference, 'is an action, which only the schema declares');
  const parents: unknown = input['parents'];
  if (!Array.isArray(parents)) throw refuse(reference, 'has no array of parents');
  try {
    return {
      reference,
      attributes: new ValueReader('attrs', limits).readRecord(input['attrs']),
      tags: input['tags'] === undefined ? empty : new ValueReader('tags', limits).readRecord(input['tags']),
      parents: parents.map((parent) => {
        const parsed = parseEntityUid(parent);
        if (parsed === undefined) throw refuse(reference, 'has a parent that is not a type name and an id');
        return parsed;
      }),
    };
  } catch (error) {
    if (error instanceof MalformedValue) throw refuse(reference, `is malformed: ${error.message}`);
    throw error;
  }
}

/** Depth first with a stack of its own: a chain of a million parents must not exhaust the machine's. */
function relate(unrelated: ReadonlyMap<string, UnrelatedEntity>, base: EntitySnapshot | undefined): EntitySnapshot {
  const related = new Map<string, Entity>();
  const dangling = new Set<string>();
  const sharedSets = new Map<string, ReadonlySet<string>>();
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
      if (open.has(parent.key)) throw refuse(parent, 'is its own ancestor');
      const parentEntity = unrelated.get(parent.key);
      if (parentEntity !== undefined) pending.push(parentEntity);
    }
    if (waitsFor.length > 0) continue;
    const lookUp = (parent: string): Entity | undefined => related.get(parent) ?? base?.find(parent);
    for (const parent of entity.parents) if (lookUp(parent.key) === undefined) dangling.add(parent.key);
    related.set(key, { ...entity, ancestors: ancestorsOf(entity, lookUp, sharedSets) });
    open.delete(key);
    pending.pop();
  }
  return new EntitySnapshot(related, dangling, base);
}

function ancestorsOf(
  entity: UnrelatedEntity,
  lookUp: (key: string) => Entity | undefined,
  sharedSets: Map<string, ReadonlySet<string>>,
): ReadonlySet<string> {
  if (entity.parents.length === 0) return noAncestors;
  // NUL parts type from id, so a sequence of keys needs another mark; ids may hold anything, hence the lengths.
  const family = entity.parents.map((parent) => `${parent.key.length}:${parent.key}`).join();
  const known = sharedSets.get(family);
  if (known !== undefined) return known;
  const ancestors = new Set<string>();
  for (const parent of entity.parents) {
    ancestors.add(parent.key);
    for (const ancestor of lookUp(parent.key)?.ancestors ?? noAncestors) ancestors.add(ancestor);
    if (ancestors.size > maxAncestors) throw refuse(entity.reference, `has more than ${maxAncestors} ancestors`);
  }
  sharedSets.set(family, ancestors);
  return ancestors;
}

function uidOf(reference: EntityReference): { type: string; id: string } {
  return { type: reference.type, id: reference.id };
}

/** Ids may be personal data: the public detail names the type, the internal one the entity. */
function refuse(reference: EntityReference, what: string): Error {
  return cedarErrors.error('entities_refused', `An entity of type ${reference.type} ${what}.`, {
    internal: `${reference.type} ${reference.id}`,
  });
}
