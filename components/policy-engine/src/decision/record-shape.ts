import { RecordValue, type Value } from '@countersign/cedar';

/**
 * Makes records of one kind. Records with the same attributes share their list of names, so that policies find attributes by place.
 *
 * Values are passed by place, undefined for a missing one. For seventeen values this takes 0.05 µs instead of 0.3 to 0.5 µs by name,
 * and a decision makes five records.
 *
 * @param names all possible names, at most 31, in canonical order
 * @returns makes a record of the given values
 */
export function recordShape<const Names extends readonly string[]>(
  ...names: Names
): (values: { readonly [Place in keyof Names]: Value | undefined }) => RecordValue {
  if (names.length > 31 || names.some((name, place) => place > 0 && name <= (names[place - 1] ?? '')))
    throw new Error('a record shape has too many names, or its names are not in canonical order');
  /** Lists of present names by a bit mask of the missing ones. */
  const lists = new Map<number, readonly string[]>();
  return (given) => {
    const values: readonly (Value | undefined)[] = given;
    let missing = 0;
    for (let place = 0; place < values.length; place++) if (values[place] === undefined) missing |= 1 << place;
    // Copies; see `UnrelatedEntity`.
    if (missing === 0) return new RecordValue(names, given.slice() as unknown as readonly Value[]);
    let present = lists.get(missing);
    if (present === undefined) {
      present = names.filter((_, place) => (missing & (1 << place)) === 0);
      lists.set(missing, present);
    }
    return new RecordValue(present, values.filter(isThere));
  };
}

function isThere(value: Value | undefined): value is Value {
  return value !== undefined;
}
