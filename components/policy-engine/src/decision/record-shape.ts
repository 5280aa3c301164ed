import { RecordValue, type Value } from '@countersign/cedar';

/**
 * Makes records of one kind. Those with the same attributes share their list of names, by which policies find an
 * attribute without looking for it.
 *
 * @param names all that such a record can have, at most 31, in canonical order: what is written of the record comes in it
 */
export function recordShape<const Name extends string>(
  ...names: readonly Name[]
): (attributes: Readonly<Record<Name, Value | undefined>>) => RecordValue {
  if (names.length > 31 || names.some((name, place) => place > 0 && name <= (names[place - 1] ?? '')))
    throw new Error('the names of a record are too many, or not in canonical order');
  /** By what is missing, a bit for each name. */
  const lists = new Map<number, readonly Name[]>([[0, names]]);
  return (attributes) => {
    const values: Value[] = [];
    let missing = 0;
    for (let place = 0; place < names.length; place++) {
      const value = attributes[names[place] as Name];
      if (value === undefined) missing |= 1 << place;
      else values.push(value);
    }
    let present = lists.get(missing);
    if (present === undefined) {
      present = names.filter((_, place) => (missing & (1 << place)) === 0);
      lists.set(missing, present);
    }
    return new RecordValue(present, values);
  };
}
