import { isPlainObject, type PlainObject } from './plain-object.ts';
import { type EntityReference, parseEntityUid } from './value.ts';

/**
 * Readers for Cedar's JSON policy form. They expect exactly the shapes the compiler has a meaning for; anything
 * else (a template slot, a future operator) is reported as unsupported, never skipped.
 */
export class UnsupportedConstruct extends Error {
  override readonly name = 'UnsupportedConstruct';
}

export function objectIn(json: unknown, what: string): PlainObject {
  if (!isPlainObject(json)) throw new UnsupportedConstruct(`${what} has an unknown form`);
  return json;
}

/** The members of an object that must have all of `names`, may have `optional`, and nothing else. */
export function membersOf<const Name extends string, const Optional extends string = never>(
  json: unknown,
  what: string,
  names: readonly Name[],
  optional: readonly Optional[] = [],
): Readonly<Record<Name, unknown>> & Readonly<Partial<Record<Optional, unknown>>> {
  const object = objectIn(json, what);
  const known: readonly string[] = [...names, ...optional];
  if (!names.every((name) => Object.hasOwn(object, name)) || !Object.keys(object).every((key) => known.includes(key))) {
    throw new UnsupportedConstruct(`${what} has members other than ${known.join(', ')}`);
  }
  // The check above is the parse; the compiler cannot follow `every`.
  return object as Readonly<Record<Name, unknown>> & Readonly<Partial<Record<Optional, unknown>>>;
}

export function stringIn(json: unknown, what: string): string {
  if (typeof json !== 'string') throw new UnsupportedConstruct(`${what} is not a string`);
  return json;
}

export function arrayIn(json: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(json)) throw new UnsupportedConstruct(`${what} is not an array`);
  return json;
}

/** `{type, id}`, plain or inside `__entity`. */
export function entityIn(json: unknown, what: string): EntityReference {
  const object = objectIn(json, what);
  const reference = parseEntityUid(Object.hasOwn(object, '__entity') ? object['__entity'] : object);
  if (reference === undefined) throw new UnsupportedConstruct(`${what} is not an entity`);
  return reference;
}
