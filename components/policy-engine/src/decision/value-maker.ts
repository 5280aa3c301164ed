import { Datetime, Decimal, parseDatetime, parseDecimalValue, SetValue, type Value } from '@countersign/cedar';

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

  /** For an optional text. */
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
