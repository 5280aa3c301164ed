import {
  Datetime,
  Decimal,
  parseDatetime,
  parseDecimalValue,
  RecordValue,
  SetValue,
  type Value,
} from '@countersign/cedar';

// Limits of `ValueReader` in the Cedar protocol.
const maxTextLength = 65_536;
const maxItems = 512;

const nothing = new SetValue([]);

/**
 * Makes the values of one question from the input. `sound` is true while all values equal those parsed from their JSON. Otherwise
 * the JSON is parsed, which refuses them.
 */
export class ValueMaker {
  sound = true;

  text(text: string): string {
    if (text.length > maxTextLength || !text.isWellFormed()) this.sound = false;
    return text;
  }

  maybe(text: string | undefined): string | undefined {
    return text === undefined ? undefined : this.text(text);
  }

  long(value: number): number {
    if (!Number.isSafeInteger(value)) this.sound = false;
    return value + 0;
  }

  texts(texts: readonly string[]): SetValue {
    for (const text of texts) this.text(text);
    // A copy, because the owner of the list may change it.
    return this.set(texts.slice());
  }

  /** @param items a new list of values made here */
  set(items: readonly Value[]): SetValue {
    if (items.length === 0) return nothing;
    if (items.length > maxItems) this.sound = false;
    return new SetValue(items);
  }

  decimal(amount: string): Decimal {
    return parseDecimalValue(amount) ?? this.#unsound(new Decimal(0, amount));
  }

  /** @param instant as JavaScript writes one */
  datetime(instant: string): Datetime {
    return parseDatetime(instant) ?? this.#unsound(new Datetime(0, instant));
  }

  #unsound<Made>(made: Made): Made {
    this.sound = false;
    return made;
  }
}

/**
 * Makes records of one kind. Records with the same attributes share their list of names, so that policies find attributes by place.
 *
 * Values are passed by place, undefined for a missing one. For seventeen values this takes 0.05 µs instead of 0.3 to 0.5 µs by name,
 * and a decision makes five records.
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
