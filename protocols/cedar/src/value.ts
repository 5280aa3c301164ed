import type { Datetime, Duration } from './datetime.ts';
import type { Decimal } from './decimal.ts';
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

/** Names an entity that may or may not exist. Two references are the same entity when their keys are equal. */
export class EntityReference {
  readonly kind = 'entity';
  readonly type: string;
  readonly id: string;
  readonly key: string;

  constructor(type: string, id: string) {
    this.type = type;
    this.id = id;
    this.key = entityKey(type, id);
  }
}

/** One text per entity: a type name (checked wherever one comes in) holds no NUL, so nothing else can produce it. */
export function entityKey(type: string, id: string): string {
  return `${type}\0${id}`;
}

const typeName = /^[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*$/;

/** A reference from outside, or undefined when type or id cannot be one. */
export function parseEntityUid(uid: unknown): EntityReference | undefined {
  if (typeof uid !== 'object' || uid === null || !('type' in uid) || !('id' in uid)) return undefined;
  const { type, id } = uid;
  if (typeof type !== 'string' || typeof id !== 'string') return undefined;
  if (!typeName.test(type) || !id.isWellFormed()) return undefined;
  return new EntityReference(type, id);
}

/** Action entities come from the schema alone: Cedar reserves the type name `Action` in each namespace. */
export function isActionType(type: string): boolean {
  return type === 'Action' || type.endsWith('::Action');
}

export class RecordValue {
  readonly kind = 'record';
  readonly attributes: ReadonlyMap<string, Value>;
  #canonicalText: string | undefined;

  constructor(attributes: ReadonlyMap<string, Value>) {
    this.attributes = attributes;
  }

  get canonicalText(): string {
    this.#canonicalText ??= `{${Array.from(
      this.attributes,
      ([name, value]) => `${JSON.stringify(name)}:${canonicalTextOf(value)}`,
    )
      .sort()
      .join()}}`;
    return this.#canonicalText;
  }
}

const smallSet = 8;

/** A set. Repeated items are kept: no operation can tell, and finding them would cost more than it saves. */
export class SetValue {
  readonly kind = 'set';
  readonly items: readonly Value[];
  #index: SetIndex | undefined;
  #canonicalText: string | undefined;

  constructor(items: readonly Value[]) {
    this.items = items;
  }

  /**
   * Equal sets have equal texts. Comparing two sets item by item, both ways, would double the work at each level
   * of nesting, and the nesting of a context is its sender's to choose.
   */
  get canonicalText(): string {
    this.#canonicalText ??= `[${Array.from(new Set(this.items.map(canonicalTextOf)))
      .sort()
      .join()}]`;
    return this.#canonicalText;
  }

  contains(value: Value): boolean {
    if (this.items.length <= smallSet) return this.items.some((item) => equalValues(item, value));
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
  /** Canonical texts. */
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

/** One text per value, so that equal values have equal texts and others have not. */
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
      return right.kind === 'entity' && left.key === right.key;
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
  if (left.attributes.size !== right.attributes.size) return false;
  for (const [name, value] of left.attributes) {
    const other = right.attributes.get(name);
    if (other === undefined || !equalValues(value, other)) return false;
  }
  return true;
}
