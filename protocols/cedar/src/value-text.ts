import { EntityReference, type Value } from './value.ts';

/** The position of a parser in a text. */
export interface TextCursor {
  readonly text: string;
  at: number;
  /** Offset of the first backslash, or past the end. Strings with escapes are not supported here. */
  readonly escape: number;
  values: number;
}

export function cursorAt(text: string, at: number): TextCursor {
  const backslash = text.indexOf('\\', at);
  return { text, at, escape: backslash === -1 ? text.length : backslash, values: 0 };
}

/**
 * Reads a value of one type at the cursor, and moves the cursor past it; undefined for text in any other form, and the cursor may then
 * be anywhere.
 * The form is canonical JSON (RFC 8785) of Cedar's values, without escapes. The result is what `ValueReader` would read from the
 * parsed text; other forms, other types and values near a limit are left to the full parser. For readers of records by the million.
 * The text must be valid JSON; control characters in strings are not detected.
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
  // // Slices are compared as memory; `startsWith` compares character by character and takes several times as long.
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

/** The rest of a string after its opening quote; the cursor is then before the closing quote. */
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

/** A value written as one string, with the same text before and after it for each value of its type. */
export class QuotedForm<Read extends Value = Value> {
  /** The text up to and including the opening quote; `closing` starts with the closing quote. */
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

/** `{"id":"…","type":"…"}` of one type, between fixed texts. */
export function uidForm(type: string, before = '', behind = ''): QuotedForm<EntityReference> {
  return new QuotedForm(
    `${before}{"id":"`,
    `","type":${JSON.stringify(type)}}${behind}`,
    (id) => new EntityReference(type, id),
  );
}
