import { Datetime, Decimal, parseDatetime, parseDecimalValue, SetValue, type Value } from '@countersign/cedar';

// What is within these, and well-formed, is read from JSON as it is; see `ValueReader` of the Cedar protocol.
const maxTextLength = 65_536;
const maxItems = 512;

const nothing = new SetValue([]);

/**
 * Makes the values of one question out of what callers bring along. Policies are put values that have not been read
 * from JSON only while these are what would have been read: `sound`. Of others the JSON is read, which refuses them.
 */
export class ValueMaker {
  sound = true;

  text(text: string): string {
    if (text.length > maxTextLength || !text.isWellFormed()) this.sound = false;
    return text;
  }

  /** Of an optional text. */
  maybe(text: string | undefined): string | undefined {
    return text === undefined ? undefined : this.text(text);
  }

  long(value: number): number {
    if (!Number.isSafeInteger(value)) this.sound = false;
    return value + 0;
  }

  texts(texts: readonly string[]): SetValue {
    for (const text of texts) this.text(text);
    // A copy, because the list is its owner's to change.
    return this.set(texts.slice());
  }

  /** @param items a list of its own, of what was made here */
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
