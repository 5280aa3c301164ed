import type { Json } from '@countersign/kernel';
import type { RecordDraft } from './audit-log.ts';

/**
 * Paths that can be protected: the address, and members of `data` at any depth. Our member names need no escapes of RFC 6901;
 * a path with one is refused.
 */
const pointer = /^\/(?:address|data(?:\/[A-Za-z_][A-Za-z0-9_-]{0,63}){1,8})$/;

/** The member names of a path, outermost first; undefined when the path cannot be protected. */
export function readPointer(path: string): readonly string[] | undefined {
  return pointer.test(path) ? path.slice(1).split('/') : undefined;
}

/** Whether the paths are equal or one is inside the other. */
export function overlap(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
}

type Members = Readonly<Record<string, unknown>>;

/**
 * A copy of the object with a value at a path. Only the objects on the path are copied.
 *
 * @returns undefined when the path is occupied or leads through something other than objects
 */
export function insertValue(object: Members, [name, ...rest]: readonly string[], value: Json): Members | undefined {
  if (name === undefined) return undefined;
  const there = Object.hasOwn(object, name);
  if (rest.length === 0) return there ? undefined : { ...object, [name]: value };
  const inner = there ? object[name] : undefined;
  if (!isObject(inner)) return undefined;
  const filled = insertValue(inner, rest, value);
  return filled === undefined ? undefined : { ...object, [name]: filled };
}

/** A copy of the object without the value at a path; the object itself when the path is empty. */
export function removeValue(object: Members, [name, ...rest]: readonly string[]): Members {
  if (name === undefined || !Object.hasOwn(object, name)) return object;
  if (rest.length === 0) return Object.fromEntries(Object.entries(object).filter(([other]) => other !== name));
  const inner = object[name];
  return isObject(inner) ? { ...object, [name]: removeValue(inner, rest) } : object;
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A draft as readers of its record see it: with protected values in place. */
export function completeDraft(draft: RecordDraft): Omit<RecordDraft, 'protectedValues'> {
  const { protectedValues = [], ...open } = draft;
  let whole: Readonly<Record<string, unknown>> = open;
  for (const { path, value, text } of protectedValues) {
    const filled = insertValue(whole, readPointer(path) ?? [], value ?? JSON.parse(text ?? 'null'));
    if (filled === undefined) throw new Error(`a draft of type ${draft.type} has no place for a value at ${path}`);
    whole = filled;
  }
  return { ...open, ...whole };
}
