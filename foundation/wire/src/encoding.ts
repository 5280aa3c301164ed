import { callDefinitions, type ValueSchema } from '@countersign/contracts/call-schemas';
import { type Definitions, reaches, resolve } from './schemas.ts';
import { type Rewrite, wireForms, wireKindOf } from './wire-forms.ts';

/**
 * Compiles an encoder from values of this schema to plain JSON. A schema that needs no conversion returns the value itself
 * without reading it. Undefined members are left to `JSON.stringify`, which omits them.
 * The encoder throws an `Error` for a value to convert that does not match the schema, which is our own bug.
 *
 * @throws Error for a schema whose alternatives cannot be distinguished
 */
export function encoderOf(schema: ValueSchema, definitions: Definitions = callDefinitions): Rewrite {
  return rewriterOf(schema, definitions, { direction: 'encode', isExact: false });
}

/**
 * As {@link encoderOf}, but writes exactly the members of the schema: class getters are included and additional members are not.
 * Closed objects are copied; values that the schema leaves open are passed through.
 */
export function exactEncoderOf(schema: ValueSchema, definitions: Definitions = callDefinitions): Rewrite {
  return rewriterOf(schema, definitions, { direction: 'encode', isExact: true });
}

/**
 * Compiles the decoder: plain JSON that the schema's validator has accepted becomes a value again.
 * The decoder throws CodedError `call_malformed` for JSON that no encoder writes, such as a duplicate key in a map.
 *
 * @throws Error as {@link encoderOf}
 */
export function decoderOf(schema: ValueSchema, definitions: Definitions = callDefinitions): Rewrite {
  return rewriterOf(schema, definitions, { direction: 'decode', isExact: false });
}

const unchanged: Rewrite = (value) => value;

interface Way {
  readonly direction: 'decode' | 'encode';
  /** Whether closed objects are copied with exactly the members of their schema. */
  readonly isExact: boolean;
}

function rewriterOf(schema: ValueSchema, definitions: Definitions, { direction, isExact }: Way): Rewrite {
  const byReference = new Map<string, Rewrite>();
  return compile(schema) ?? unchanged;

  function isRewritten(part: ValueSchema): boolean {
    return reaches(part, definitions, (inner) => inner.wire !== undefined || (isExact && isClosed(inner)));
  }

  /** Undefined when no conversion is needed. */
  function compile(part: ValueSchema): Rewrite | undefined {
    if (!isRewritten(part)) return undefined;
    if (part.$ref !== undefined) return compileReference(part, part.$ref);
    if (part.wire !== undefined) return compileWire(part, part.wire);
    if (part.anyOf !== undefined) return compileAlternatives(part.anyOf);
    const ofArray = compileArray(part);
    const ofObject = compileObject(part);
    return (value) => {
      if (Array.isArray(value)) return ofArray(value);
      return isObject(value) ? ofObject(value) : value;
    };
  }

  /** A definition may refer to itself, so it is registered before it is compiled. */
  function compileReference(part: ValueSchema, reference: string): Rewrite {
    const known = byReference.get(reference);
    if (known !== undefined) return known;
    let compiled: Rewrite = unchanged;
    const rewrite: Rewrite = (value) => compiled(value);
    byReference.set(reference, rewrite);
    compiled = compile(resolve(part, definitions)) ?? unchanged;
    return rewrite;
  }

  function compileWire(
    { keys = {}, values = {}, items }: ValueSchema,
    wire: NonNullable<ValueSchema['wire']>,
  ): Rewrite {
    const form = wireForms[wire];
    const parts = {
      keys: compile(keys) ?? unchanged,
      values: compile(values) ?? unchanged,
      items: compile(items || {}) ?? unchanged,
    };
    return (value) => form[direction](value, parts);
  }

  function compileArray({ prefixItems = [], items }: ValueSchema): (list: readonly unknown[]) => unknown {
    const first = prefixItems.map(compile);
    const rest = compile(items || {});
    if (rest === undefined && first.every((rewrite) => rewrite === undefined)) return unchanged;
    return (list) => list.map((item, index) => ((index < first.length ? first[index] : rest) ?? unchanged)(item));
  }

  function compileObject(part: ValueSchema): (object: object) => unknown {
    const { properties = {}, additionalProperties } = part;
    if (isExact && isClosed(part)) return compileClosed(properties);
    const members = new Map(Object.entries(properties).map(([name, member]) => [name, compile(member)]));
    const others = compile(additionalProperties || {});
    if (others === undefined && [...members.values()].every((rewrite) => rewrite === undefined)) return unchanged;
    // `Object.fromEntries` defines members, so that `__proto__` stays an ordinary member.
    return (object) =>
      Object.fromEntries(
        Object.entries(object).map(([name, member]: [string, unknown]) => {
          const rewrite = members.has(name) ? members.get(name) : others;
          return [name, rewrite === undefined || member === undefined ? member : rewrite(member)];
        }),
      );
  }

  function compileClosed(properties: Readonly<Record<string, ValueSchema>>): (object: object) => unknown {
    const members = Object.entries(properties).map(([name, member]) => [name, compile(member) ?? unchanged] as const);
    return (object) => {
      const written: [string, unknown][] = [];
      for (const [name, rewrite] of members) {
        const member: unknown = Reflect.get(object, name);
        if (member !== undefined) written.push([name, rewrite(member)]);
      }
      return Object.fromEntries(written);
    };
  }

  function compileAlternatives(alternatives: readonly ValueSchema[]): Rewrite {
    const byKind = new Map<string, ValueSchema[]>();
    for (const alternative of alternatives.flatMap(flatten))
      for (const kind of kindsOf(alternative)) byKind.set(kind, [...(byKind.get(kind) ?? []), alternative]);
    const rewrites = new Map([...byKind].map(([kind, candidates]) => [kind, compileCandidates(candidates)]));
    const kindOf = direction === 'encode' ? (value: unknown) => wireKindOf(value) ?? jsonTypeOf(value) : jsonTypeOf;
    return (value) => (rewrites.get(kindOf(value)) ?? unchanged)(value);
  }

  function flatten(alternative: ValueSchema): readonly ValueSchema[] {
    const { anyOf } = resolve(alternative, definitions);
    return anyOf === undefined ? [alternative] : anyOf.flatMap(flatten);
  }

  function kindsOf(alternative: ValueSchema): readonly string[] {
    const { wire, type, const: only, enum: several } = resolve(alternative, definitions);
    if (wire !== undefined) return [direction === 'encode' ? wire : wireForms[wire].jsonType];
    if (type !== undefined) return [type].flat();
    const values = only === undefined ? several : [only];
    return values === undefined ? jsonTypes : [...new Set(values.map(jsonTypeOf))];
  }

  /** Distinguishes alternatives of one kind: objects by a member with a different constant in each. */
  function compileCandidates(candidates: readonly ValueSchema[]): Rewrite {
    const [first, ...others] = candidates;
    if (first === undefined || !candidates.some(isRewritten)) return unchanged;
    if (others.length === 0) return compile(first) ?? unchanged;
    const objects = candidates.map((candidate) => resolve(candidate, definitions));
    const tag = Object.keys(objects[0]?.properties ?? {}).find((name) => isTag(name, objects));
    if (tag === undefined && isExact) return compileLikeliest(candidates);
    if (tag === undefined) throw new Error('ambiguous alternatives: rewrite one of them');
    const byTag = new Map(
      candidates.flatMap((candidate, index) =>
        constantsOf(objects[index], tag).map((constant) => [constant, compile(candidate) ?? unchanged] as const),
      ),
    );
    return (value) => {
      const constant: unknown = isObject(value) ? Reflect.get(value, tag) : undefined;
      return (byTag.get(constant) ?? unchanged)(value);
    };
  }

  /**
   * Without a distinguishing constant: the alternative whose required members are all present, with the most members in common.
   */
  function compileLikeliest(candidates: readonly ValueSchema[]): Rewrite {
    const rewrites = candidates.map((candidate) => ({
      schema: resolve(candidate, definitions),
      rewrite: compile(candidate) ?? unchanged,
    }));
    return (value) => {
      if (!isObject(value)) return value;
      const [likeliest] = rewrites
        .filter(({ schema: { properties = {}, required = [] } }) =>
          required.every((name) => mayBe(properties[name], Reflect.get(value, name))),
        )
        .sort((one, other) => membersIn(value, other.schema) - membersIn(value, one.schema));
      return (likeliest?.rewrite ?? unchanged)(value);
    };
  }
}

function isClosed({ type, additionalProperties }: ValueSchema): boolean {
  return [type].flat().includes('object') && additionalProperties === false;
}

/** A shallow check that does not read nested values. */
function mayBe(schema: ValueSchema | undefined, value: unknown): boolean {
  if (schema?.const !== undefined) return schema.const === value;
  return value !== undefined && (schema?.enum?.some((constant) => constant === value) ?? true);
}

function membersIn(object: object, { properties = {} }: ValueSchema): number {
  return Object.keys(properties).filter((name) => Reflect.get(object, name) !== undefined).length;
}

const jsonTypes = ['array', 'boolean', 'null', 'number', 'object', 'string'];

function jsonTypeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isTag(name: string, objects: readonly ValueSchema[]): boolean {
  const constants = objects.flatMap((object) => constantsOf(object, name));
  const isEverywhere = objects.every(
    (object) => object.required?.includes(name) === true && constantsOf(object, name).length > 0,
  );
  return isEverywhere && new Set(constants).size === constants.length;
}

function constantsOf(object: ValueSchema | undefined, name: string): readonly unknown[] {
  const member = object?.properties?.[name];
  return member?.const === undefined ? (member?.enum ?? []) : [member.const];
}
