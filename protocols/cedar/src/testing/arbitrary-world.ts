// Arbitrary entities and requests for any schema, for tests: conforming to it and built from few names and values, so that
// compared values are often equal and named entities often exist.
import fc from 'fast-check';
import type { EntityInput } from '../entity.ts';
import type { PolicySchema } from '../policy-schema.ts';
import type { RecordType, ValueType } from '../schema-types.ts';
import type { EntityUid } from '../value.ts';

type Json = boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Additional values of a type, besides those that any schema gets: `{ string: ['trader', 'EUR'] }`. */
export type Vocabulary = Readonly<Partial<Record<'string' | 'decimal', readonly string[]>>>;

const texts = {
  string: ['', 'a', 'abc', 'a*c', 'b'],
  decimal: ['0.0', '1.5', '-12.3400', '1000000.0', '922337203685477.5807'],
  ipaddr: ['10.1.2.3', '10.0.0.0/8', '127.0.0.1', '224.0.0.1', '::1', 'ff02::1/16'],
  datetime: ['1970-01-01', '2026-11-20T09:30:00.000Z', '2026-11-19T09:30:00Z', '1969-07-20T20:17:40.500+0100'],
  duration: ['0ms', '24h', '-1d2h', '9223372036854775807ms'],
} as const;
const longs = [-1, 0, 1, 2, 300, 9_007_199_254_740_991];
export const tagNames = ['a', 'b', 'abc'];
const ids = ['a', 'b', 'c', 'd'];

/** Names for entities of a type: those the schema lists, or the first four letters. */
export function idsOf(schema: PolicySchema, type: string): readonly string[] {
  const listed = schema.entityTypes.get(type)?.ids;
  return listed === undefined ? ids : Array.from(listed);
}

/** Texts used as values of a type in both policies and data. */
export function textsOf(kind: keyof typeof texts, vocabulary: Vocabulary): readonly string[] {
  return kind === 'string' || kind === 'decimal' ? [...texts[kind], ...(vocabulary[kind] ?? [])] : texts[kind];
}

export function longsOf(): readonly number[] {
  return longs;
}

/** A value of the type, in Cedar's JSON form. */
export function valueOfType(schema: PolicySchema, type: ValueType, vocabulary: Vocabulary): fc.Arbitrary<Json> {
  switch (type.kind) {
    case 'boolean':
      return fc.boolean();
    case 'long':
      return fc.constantFrom(...longs);
    case 'string':
      return fc.constantFrom(...textsOf('string', vocabulary));
    case 'decimal':
    case 'datetime':
    case 'duration':
    case 'ipaddr': {
      const fn = type.kind === 'ipaddr' ? 'ip' : type.kind;
      return fc.constantFrom(...textsOf(type.kind, vocabulary)).map((arg) => ({ __extn: { fn, arg } }));
    }
    case 'entity':
      return fc.constantFrom(...idsOf(schema, type.type)).map((id) => ({ __entity: { type: type.type, id } }));
    case 'set':
      return fc.array(valueOfType(schema, type.element, vocabulary), { maxLength: 3, size: 'max' });
    case 'record':
      return recordOf(schema, type, vocabulary);
    default:
      return type satisfies never;
  }
}

/** A record with all required attributes and some optional ones. */
export function recordOf(
  schema: PolicySchema,
  { attributes }: RecordType,
  vocabulary: Vocabulary,
): fc.Arbitrary<Readonly<Record<string, Json>>> {
  const model = Object.fromEntries(
    Array.from(attributes, ([name, { type }]) => [name, valueOfType(schema, type, vocabulary)]),
  );
  const requiredKeys = Array.from(attributes).flatMap(([name, { required }]) => (required ? [name] : []));
  return fc.record(model, { requiredKeys });
}

/** Most possible entities, each with attributes, parents and tags as the schema declares them. */
export function entitiesOf(schema: PolicySchema, vocabulary: Vocabulary = {}): fc.Arbitrary<readonly EntityInput[]> {
  const every = Array.from(schema.entityTypes).flatMap(([type, { attributes, tags }]) =>
    idsOf(schema, type).map((id) => {
      const uid = { type, id };
      const parents = [...parentsFor(schema, uid)];
      return fc.option(
        fc.record<EntityInput>({
          uid: fc.constant(uid),
          attrs: recordOf(schema, attributes, vocabulary),
          parents: fc.subarray(parents, { maxLength: Math.min(3, parents.length) }),
          ...(tags === undefined
            ? {}
            : {
                tags: fc.dictionary(fc.constantFrom(...tagNames), valueOfType(schema, tags, vocabulary), {
                  maxKeys: 2,
                }),
              }),
        }),
        { freq: 6 },
      );
    }),
  );
  return fc.tuple(...every).map((entities) => entities.filter((entity) => entity !== null));
}

/** If types may contain one another, only entities with a later id, so that no entity is its own ancestor. */
function parentsFor(schema: PolicySchema, { type, id }: EntityUid): readonly EntityUid[] {
  const later = (parent: string): readonly string[] => {
    const all = idsOf(schema, parent);
    const mutual = parent === type || schema.entityTypes.get(parent)?.parentTypes.has(type) === true;
    return mutual ? all.slice(all.indexOf(id) + 1) : all;
  };
  return Array.from(schema.entityTypes.get(type)?.parentTypes ?? []).flatMap((parent) =>
    later(parent).map((parentId) => ({ type: parent, id: parentId })),
  );
}

export interface ArbitraryRequest {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly context: Readonly<Record<string, Json>>;
}

/** A principal type, an action and a resource type, as the schema declares them. */
export interface Environment {
  readonly principal: string;
  readonly action: EntityUid;
  readonly resource: string;
  readonly context: RecordType;
}

export function environmentsOf(schema: PolicySchema): readonly Environment[] {
  return Array.from(schema.applications).flatMap(([{ type, id }, { principalTypes, resourceTypes, context }]) =>
    Array.from(principalTypes).flatMap((principal) =>
      Array.from(resourceTypes, (resource) => ({ principal, action: { type, id }, resource, context })),
    ),
  );
}

/** Any request that the schema declares for one of the environments. */
export function requestsOf(
  schema: PolicySchema,
  environments: readonly Environment[],
  vocabulary: Vocabulary = {},
): fc.Arbitrary<ArbitraryRequest> {
  const oneOf = (type: string) => fc.constantFrom(...idsOf(schema, type)).map((id): EntityUid => ({ type, id }));
  return fc.oneof(
    ...environments.map(({ principal, action, resource, context }) =>
      fc.record({
        principal: oneOf(principal),
        action: fc.constant(action),
        resource: oneOf(resource),
        context: recordOf(schema, context, vocabulary),
      }),
    ),
  );
}
