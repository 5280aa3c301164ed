import { EntityReference, type Value } from './value.ts';

/** The position of a parser in a text. */
export interface TextCursor {
  readonly text: string;
  at: number;
  /** Offset of the first backslash, or past the end. Strings with escapes are not supported here. */
  readonly escape: number;
  /** Number of values read. */
  values: number;
}

export function cursorAt(text: string, at: number): TextCursor {
  const backslash = text.indexOf('\\', at);
  return { text, at, escape: backslash === -1 ? text.length : backslash, values: 0 };
}

/**
 * Reads a value of one type where the cursor is, and leaves the cursor behind it; undefined where it does not stand there
 * as it is usually written, and then the cursor may be anywhere.
 *
 * Usual is canonical JSON (RFC 8785) of Cedar's value form: names in order, no white space, no escapes. What is read is
 * what `ValueReader` would read from the parsed text, and `recordToJson` writes it as it was; what is written in any other
 * way, is of another type, or comes near a limit, is left to those who parse. Nothing is made but the values; for those
 * who read records by the million.
 *
 * The text must be JSON as far as it is read; a control character in a string is not looked for.
 */
export type TextReader<Read extends Value = Value> = (cursor: TextCursor) => Read | undefined;

/** Far above realistic lengths. */
const maxTextLength = 4_096;
const maxValues = 2_048;
/** The largest number of digits that always gives a safe integer. */
const maxDigits = 15;

const codes = { quote: 0x22, minus: 0x2d, zero: 0x30, nine: 0x39 };

/** Whether this many further values may be read. */
export function counted(cursor: TextCursor, values: number): boolean {
  cursor.values += values;
  return cursor.values <= maxValues;
}

/** Whether the text at the cursor equals `expected`; if so, moves the cursor past it. */
export function passed(cursor: TextCursor, expected: string): boolean {
  const end = cursor.at + expected.length;
  // Pieces are compared as memory is; `startsWith` looks at one character after the other, and takes several times as long.
  if (cursor.text.slice(cursor.at, end) !== expected) return false;
  cursor.at = end;
  return true;
}

/** Reads a string as it is, without its quotes. */
export function readText(cursor: TextCursor): string | undefined {
  if (cursor.text.charCodeAt(cursor.at) !== codes.quote) return undefined;
  cursor.at++;
  const text = textWithin(cursor);
  cursor.at++;
  return text;
}

/** The rest of a string that has been opened; the cursor is then before the quote that closes it. */
function textWithin(cursor: TextCursor): string | undefined {
  const { at, text } = cursor;
  const end = text.indexOf('"', at);
  if (end === -1 || end > cursor.escape || end - at > maxTextLength) return undefined;
  cursor.at = end;
  const read = text.slice(at, end);
  return read.isWellFormed() ? read : undefined;
}

/** Zero must be written as `0`; `-0` is left to the full parser. */
export function readLong(cursor: TextCursor): number | undefined {
  const { text } = cursor;
  const negative = text.charCodeAt(cursor.at) === codes.minus;
  const start = negative ? cursor.at + 1 : cursor.at;
  let at = start;
  let value = 0;
  for (let code = text.charCodeAt(at); code >= codes.zero && code <= codes.nine; code = text.charCodeAt(++at))
    value = value * 10 + (code - codes.zero);
  const digits = at - start;
  if (digits === 0 || digits > maxDigits) return undefined;
  if (text.charCodeAt(start) === codes.zero && (negative || digits > 1)) return undefined;
  cursor.at = at;
  return negative ? -value : value;
}

export function readBoolean(cursor: TextCursor): boolean | undefined {
  if (passed(cursor, 'true')) return true;
  return passed(cursor, 'false') ? false : undefined;
}

/** A value that is written as one string: what is before and behind that is the same for each of its type. */
export class QuotedForm<Read extends Value = Value> {
  /** Up to the string, its quote included, and from the quote behind it. */
  readonly opening: string;
  readonly closing: string;
  /** Reads a value when the cursor is behind the opening, and leaves it before the closing. */
  readonly readWithin: TextReader<Read>;

  constructor(opening: string, closing: string, make: (text: string) => Read | undefined) {
    this.opening = opening;
    this.closing = closing;
    this.readWithin = (cursor) => {
      const text = textWithin(cursor);
      return text === undefined ? undefined : make(text);
    };
  }

  read(cursor: TextCursor): Read | undefined {
    if (!passed(cursor, this.opening)) return undefined;
    const value = this.readWithin(cursor);
    return value !== undefined && passed(cursor, this.closing) ? value : undefined;
  }
}

/** `{"id":"…","type":"…"}` of one type, between texts that stand before and behind it. */
export function uidForm(type: string, before = '', behind = ''): QuotedForm<EntityReference> {
  return new QuotedForm(
    `${before}{"id":"`,
    `","type":${JSON.stringify(type)}}${behind}`,
    (id) => new EntityReference(type, id),
  );
}
