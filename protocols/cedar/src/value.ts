import type { Datetime, Duration } from './datetime.ts';
import type { Decimal } from './decimal.ts';
import { isIdentifier } from './identifier.ts';
import type { IpAddress } from './ip-address.ts';
import type { Long } from './long.ts';

/** A Cedar value. Booleans, Longs and strings are JavaScript's own; the rest carries its kind. */
export type Value =
  | boolean
  | Long
  | string
  | EntityReference
  | SetValue
  | RecordValue
  | Decimal
  | IpAddress
  | Datetime
  | Duration;

export interface EntityUid {
  readonly type: string;
  readonly id: string;
}

/**
 * A parsed entity whose ancestors are not computed yet.
 *
 * Decision data uses classes and copied lists instead of literals, for performance. If V8 observes that literals from one line
 * live long, as in five hundred decisions that wait for one disk, it allocates all later ones in the old generation. Decisions
 * then cost twice as much until the process ends.
 */
export class UnrelatedEntity {
  readonly reference: EntityReference;
  readonly attributes: RecordValue;
  readonly parents: readonly EntityReference[];
  readonly tags: RecordValue;

  constructor(
    reference: EntityReference,
    attributes: RecordValue,
    parents: readonly EntityReference[] = noParents,
    tags: RecordValue = noAttributes,
  ) {
    this.reference = reference;
    this.attributes = attributes;
    this.parents = parents;
    this.tags = tags;
  }
}

/** An entity that exists, as policies see it. */
export class Entity extends UnrelatedEntity {
  /** All transitive ancestors, without the entity itself. Entities with the same parents share one object. */
  readonly ancestors: Ancestors;

  constructor({ reference, attributes, parents, tags }: UnrelatedEntity, ancestors: Ancestors) {
    super(reference, attributes, parents, tags);
    this.ancestors = ancestors;
  }
}

interface Ancestors {
  readonly references: readonly EntityReference[];
  has(reference: EntityReference): boolean;
}

/** Names an entity that may or may not exist. Two references name the same entity if type and id are equal. */
export class EntityReference {
  readonly kind = 'entity';
  readonly type: string;
  readonly id: string;
  /** Cache of the last lookup. Only `EntitySnapshot.resolve` writes and reads it. */
  lookedUpIn = 0;
  found: Entity | undefined = undefined;
  #key: string | undefined;

  constructor(type: string, id: string) {
    this.type = type;
    this.id = id;
  }

  /** A unique key for the entity, built on first use, because most references are only compared. */
  get key(): string {
    this.#key ??= entityKey(this.type, this.id);
    return this.#key;
  }
}

/** A type name (checked wherever one comes in) holds no NUL, so no other entity has this text. */
export function entityKey(type: string, id: string): string {
  return `${type}\0${id}`;
}

export function isSameEntity(left: EntityReference, right: EntityReference): boolean {
  return left === right || (left.id === right.id && left.type === right.type);
}

/** Cache of valid type names. A schema has few; the bound protects against invented names in requests. */
const knownTypeNames = new Set<string>();
const maxKnownTypeNames = 1_024;
const maxKnownTypeNameLength = 256;

function isTypeName(text: string): boolean {
  if (knownTypeNames.has(text)) return true;
  if (!text.split('::').every(isIdentifier)) return false;
  if (knownTypeNames.size < maxKnownTypeNames && text.length <= maxKnownTypeNameLength) knownTypeNames.add(text);
  return true;
}

/** Parses an untrusted reference; undefined if type or id is invalid. */
export function parseEntityUid(uid: unknown): EntityReference | undefined {
  if (typeof uid !== 'object' || uid === null || !('type' in uid) || !('id' in uid)) return undefined;
  const { type, id } = uid;
  if (typeof type !== 'string' || typeof id !== 'string') return undefined;
  if (!isTypeName(type) || !id.isWellFormed()) return undefined;
  return new EntityReference(type, id);
}

/** Action entities come only from the schema: Cedar reserves the type name `Action` in each namespace. */
export function isActionType(type: string): boolean {
  return type === 'Action' || type.endsWith('::Action');
}

/** Up to this number of names a linear search is faster than an index. */
const fewNames = 48;

/**
 * A record as two lists: unique names, and their values at the same positions. Lists are faster than a map here, because a
 * request's record is built once and only a few attributes are read.
 */
export class RecordValue {
  readonly kind = 'record';
  readonly names: readonly string[];
  readonly values: readonly Value[];
  #index: ReadonlyMap<string, number> | undefined;
  #canonicalText: string | undefined;

  constructor(names: readonly string[], values: readonly Value[]) {
    this.names = names;
    this.values = values;
  }

  get(name: string): Value | undefined {
    const position = this.indexOf(name);
    return position === -1 ? undefined : this.values[position];
  }

  indexOf(name: string): number {
    const { names } = this;
    if (names.length > fewNames) {
      this.#index ??= new Map(names.map((each, position) => [each, position]));
      return this.#index.get(name) ?? -1;
    }
    for (let position = 0; position < names.length; position++) if (names[position] === name) return position;
    return -1;
  }

  get canonicalText(): string {
    this.#canonicalText ??= `{${this.values
      .map((value, position) => `${JSON.stringify(this.names[position])}:${canonicalTextOf(value)}`)
      .sort()
      .join()}}`;
    return this.#canonicalText;
  }
}

export const noAttributes = new RecordValue([], []);
const noParents: readonly EntityReference[] = [];

const smallSet = 8;

/** A set. Duplicates are kept: no operation can observe them, and removing them would cost more than it saves. */
export class SetValue {
  readonly kind = 'set';
  readonly items: readonly Value[];
  #index: SetIndex | undefined;
  #canonicalText: string | undefined;

  constructor(items: readonly Value[]) {
    this.items = items;
  }

  /**
   * Equal sets have equal texts. Comparing two sets item by item, both ways, would double the work at each level of nesting,
   * and the sender chooses the nesting of a context.
   */
  get canonicalText(): string {
    this.#canonicalText ??= `[${Array.from(new Set(this.items.map(canonicalTextOf)))
      .sort()
      .join()}]`;
    return this.#canonicalText;
  }

  contains(value: Value): boolean {
    const { items } = this;
    if (items.length <= smallSet) {
      for (let position = 0; position < items.length; position++) {
        const item = items[position];
        if (item !== undefined && equalValues(item, value)) return true;
      }
      return false;
    }
    this.#index ??= indexItems(this.items);
    if (typeof value !== 'object') return this.#index.scalars.has(value);
    if (value.kind === 'entity') return this.#index.entityKeys.has(value.key);
    return this.#index.others.has(canonicalTextOf(value));
  }

  containsAll(other: SetValue): boolean {
    return other.items.every((item) => this.contains(item));
  }

  containsAny(other: SetValue): boolean {
    return other.items.some((item) => this.contains(item));
  }
}

interface SetIndex {
  readonly scalars: ReadonlySet<boolean | Long | string>;
  readonly entityKeys: ReadonlySet<string>;
  readonly others: ReadonlySet<string>;
}

function indexItems(items: readonly Value[]): SetIndex {
  const scalars = new Set<boolean | Long | string>();
  const entityKeys = new Set<string>();
  const others = new Set<string>();
  for (const item of items) {
    if (typeof item !== 'object') scalars.add(item);
    else if (item.kind === 'entity') entityKeys.add(item.key);
    else others.add(canonicalTextOf(item));
  }
  return { scalars, entityKeys, others };
}

/** Canonical text of a value: two values have equal text exactly if they are equal. */
function canonicalTextOf(value: Value): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object') return String(value);
  switch (value.kind) {
    case 'entity':
      return `entity ${JSON.stringify(value.key)}`;
    case 'set':
    case 'record':
      return value.canonicalText;
    case 'decimal':
      return `decimal ${value.tenThousandths}`;
    case 'ipaddr':
      return `ipaddr ${value.version} ${value.address} ${value.prefix}`;
    case 'datetime':
      return `datetime ${value.epochMilliseconds}`;
    case 'duration':
      return `duration ${value.milliseconds}`;
    default:
      return value satisfies never;
  }
}

/** Cedar's `==`: deep, without order in sets, false (never an error) across types. */
export function equalValues(left: Value, right: Value): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object') return false;
  switch (left.kind) {
    case 'entity':
      return right.kind === 'entity' && isSameEntity(left, right);
    case 'set':
      return right.kind === 'set' && left.canonicalText === right.canonicalText;
    case 'record':
      return right.kind === 'record' && equalRecords(left, right);
    case 'decimal':
      return right.kind === 'decimal' && left.tenThousandths === right.tenThousandths;
    case 'ipaddr':
      return (
        right.kind === 'ipaddr' &&
        left.version === right.version &&
        left.address === right.address &&
        left.prefix === right.prefix
      );
    case 'datetime':
      return right.kind === 'datetime' && left.epochMilliseconds === right.epochMilliseconds;
    case 'duration':
      return right.kind === 'duration' && left.milliseconds === right.milliseconds;
    default:
      return left satisfies never;
  }
}

function equalRecords(left: RecordValue, right: RecordValue): boolean {
  if (left.names.length !== right.names.length) return false;
  return left.values.every((value, position) => {
    const other = right.get(left.names[position] ?? '');
    return other !== undefined && equalValues(value, other);
  });
}
