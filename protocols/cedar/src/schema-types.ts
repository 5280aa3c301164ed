import type { SchemaJson, Type } from '@cedar-policy/cedar-wasm/nodejs';
import { UnsupportedConstruct } from './json-policy.ts';

/** A type of a schema, with the names of common types resolved. */
export type ValueType =
  | { readonly kind: 'boolean' | 'long' | 'string' | 'decimal' | 'ipaddr' | 'datetime' | 'duration' }
  | { readonly kind: 'entity'; readonly type: string }
  | { readonly kind: 'set'; readonly element: ValueType }
  | RecordType;

export interface RecordType {
  readonly kind: 'record';
  readonly attributes: ReadonlyMap<string, { readonly type: ValueType; readonly required: boolean }>;
}

/** The schema's declaration of one type of entities. */
export interface EntityType {
  readonly attributes: RecordType;
  /** Types that its parents may have: the declared ones and all their ancestors, as in Cedar. */
  readonly parentTypes: ReadonlySet<string>;
  /** Undefined if it has no tags. */
  readonly tags: ValueType | undefined;
  /** The ids, if the schema lists its entities. */
  readonly ids: ReadonlySet<string> | undefined;
}

const builtIn: ReadonlyMap<string, ValueType> = new Map(
  (
    [
      ['Bool', 'boolean'],
      ['Boolean', 'boolean'],
      ['Long', 'long'],
      ['String', 'string'],
      ['decimal', 'decimal'],
      ['ipaddr', 'ipaddr'],
      ['datetime', 'datetime'],
      ['duration', 'duration'],
    ] as const
  ).flatMap(([name, kind]) => [name, `__cedar::${name}`].map((each) => [each, { kind }] as const)),
);

const noAttributes: RecordType = { kind: 'record', attributes: new Map() };
/** Levels of common types. Cedar refuses cycles; this bound protects the stack. */
const maxDepth = 128;

/** Resolves the types of a schema in Cedar's JSON schema form, whose names the parser has checked. */
export class SchemaTypes {
  readonly #common: ReadonlyMap<string, Type<string>>;

  constructor(schema: SchemaJson<string>) {
    this.#common = new Map(
      Object.entries(schema).flatMap(([namespace, { commonTypes }]) =>
        Object.entries(commonTypes ?? {}).map(([name, type]) => [qualified(namespace, name), type] as const),
      ),
    );
  }

  /** @throws UnsupportedConstruct for an unknown type */
  resolve(type: Type<string>, depth = 0): ValueType {
    if (depth > maxDepth) throw new UnsupportedConstruct(`a type is nested deeper than ${maxDepth} levels`);
    if ('element' in type) return { kind: 'set', element: this.resolve(type.element, depth + 1) };
    if ('attributes' in type) {
      if (type.additionalAttributes === true) throw new UnsupportedConstruct('a record with attributes left open');
      return {
        kind: 'record',
        attributes: new Map(
          Object.entries(type.attributes).map(([name, attribute]) => [
            name,
            { type: this.resolve(attribute, depth + 1), required: attribute.required ?? true },
          ]),
        ),
      };
    }
    if (type.type === 'Entity' && 'name' in type) return { kind: 'entity', type: type.name };
    const name = type.type === 'Extension' && 'name' in type ? type.name : type.type;
    const common = this.#common.get(name);
    if (common !== undefined) return this.resolve(common, depth + 1);
    const known = builtIn.get(name);
    if (known === undefined) throw new UnsupportedConstruct(`the type ${name}`);
    return known;
  }

  /** @throws UnsupportedConstruct for a type that is not a record */
  resolveRecord(type: Type<string> | undefined): RecordType {
    if (type === undefined) return noAttributes;
    const resolved = this.resolve(type);
    if (resolved.kind !== 'record') throw new UnsupportedConstruct('attributes or a context that are no record');
    return resolved;
  }
}

export function entityTypesIn(schema: SchemaJson<string>, types: SchemaTypes): ReadonlyMap<string, EntityType> {
  const declared = Object.entries(schema).flatMap(([namespace, { entityTypes }]) =>
    Object.entries(entityTypes).map(([name, type]) => ({ name: qualified(namespace, name), type })),
  );
  const parents = new Map(
    declared.map(({ name, type }) => [name, 'enum' in type ? [] : (type.memberOfTypes ?? [])] as const),
  );
  return new Map(
    declared.map(({ name, type }) => [
      name,
      {
        attributes: 'enum' in type ? noAttributes : types.resolveRecord(type.shape),
        parentTypes: above(name, parents),
        tags: 'enum' in type || type.tags === undefined ? undefined : types.resolve(type.tags),
        ids: 'enum' in type ? new Set(type.enum) : undefined,
      },
    ]),
  );
}

function above(name: string, parents: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const found = new Set<string>();
  const pending = [...(parents.get(name) ?? [])];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    pending.push(...(parents.get(next) ?? []));
  }
  return found;
}

export function qualified(namespace: string, name: string): string {
  return namespace === '' ? name : `${namespace}::${name}`;
}
