import { Duration } from './datetime.ts';
import { dataFunction } from './extension-functions.ts';
import { IpAddress } from './ip-address.ts';
import { PolicyFault } from './policy-fault.ts';
import type { RecordType, ValueType } from './schema-types.ts';
import { EntityReference, RecordValue, SetValue, type Value } from './value.ts';

/** Where reading a text has come to. */
export interface TextCursor {
  readonly text: string;
  at: number;
  /** Of the first backslash from where reading began, or past the end: a string with an escape in it is not read here. */
  readonly escape: number;
  /** How many values have been read. */
  values: number;
}

export function cursorAt(text: string, at: number): TextCursor {
  const backslash = text.indexOf('\\', at);
  return { text, at, escape: backslash === -1 ? text.length : backslash, values: 0 };
}

/**
 * Reads a value of one type where the cursor is, and leaves the cursor behind it; undefined where it does not stand there
 * as it is usually written, and then the cursor may be anywhere.
 */
export type TextReader<Read extends Value = Value> = (cursor: TextCursor) => Read | undefined;

/**
 * Reads records of a type from canonical JSON (RFC 8785) of Cedar's value form: names in order, no white space, no
 * escapes. What it reads is what `ValueReader` would read from the parsed text, and `recordToJson` writes it as it was;
 * what is written in any other way, is of another type, or comes near a limit, it leaves to those who parse. It makes
 * nothing but the values, which takes a third of the time of parsing and reading; for those who read records by the
 * million.
 *
 * The text must be JSON as far as it is read; a control character in a string is not looked for.
 */
export function textReaderOf(type: RecordType): TextReader<RecordValue> {
  return recordReader(type, 1);
}

/** Half of what `ValueReader` allows, and far more than anybody writes. */
const maxDepth = 8;
const maxValues = 2_048;
const maxTextLength = 4_096;
const maxNames = 31;

const codes = { quote: 0x22, comma: 0x2c, minus: 0x2d, zero: 0x30, nine: 0x39, opening: 0x5b, closing: 0x5d };
const braces = { opening: 0x7b, closing: 0x7d };

function readerOf(type: ValueType, depth: number): TextReader {
  if (depth > maxDepth) return unread;
  switch (type.kind) {
    case 'record':
      return recordReader(type, depth);
    case 'set':
      return setReader(readerOf(type.element, depth + 1));
    case 'entity':
      return entityReader(type.type);
    case 'string':
      return readText;
    case 'long':
      return readLong;
    case 'boolean':
      return readBoolean;
    case 'ipaddr':
      return extensionReader('ip');
    case 'decimal':
    case 'datetime':
    case 'duration':
      return extensionReader(type.kind);
    default:
      return type satisfies never;
  }
}

const unread: TextReader<never> = () => undefined;

function recordReader({ attributes }: RecordType, depth: number): TextReader<RecordValue> {
  const names = Array.from(attributes.keys()).sort();
  // `__entity` would be an entity, not an attribute of this name.
  if (names.length > maxNames || names.some((name) => name.startsWith('__'))) return unread;
  const keys = names.map((name) => `${JSON.stringify(name)}:`);
  const readers = names.map((name) => readerOf(attributes.get(name)?.type ?? { kind: 'string' }, depth + 1));
  /** By which are there, a bit for each: records with the same attributes share their list of names. */
  const lists = new Map<number, readonly string[]>();
  return (cursor) => {
    const { text } = cursor;
    if (text.charCodeAt(cursor.at) !== braces.opening) return undefined;
    cursor.at++;
    const values: Value[] = [];
    let present = 0;
    for (let place = 0; text.charCodeAt(cursor.at) !== braces.closing; place++) {
      if (present !== 0) {
        if (text.charCodeAt(cursor.at) !== codes.comma) return undefined;
        cursor.at++;
      }
      while (place < keys.length && !text.startsWith(keys[place] ?? '', cursor.at)) place++;
      const read = readers[place];
      if (read === undefined) return undefined;
      cursor.at += keys[place]?.length ?? 0;
      const value = read(cursor);
      if (value === undefined || ++cursor.values > maxValues) return undefined;
      values.push(value);
      present |= 1 << place;
    }
    cursor.at++;
    let listed = lists.get(present);
    if (listed === undefined) {
      listed = names.filter((_, place) => (present & (1 << place)) !== 0);
      lists.set(present, listed);
    }
    return new RecordValue(listed, values);
  };
}

function setReader(readItem: TextReader): TextReader<SetValue> {
  return (cursor) => {
    const { text } = cursor;
    if (text.charCodeAt(cursor.at) !== codes.opening) return undefined;
    cursor.at++;
    const items: Value[] = [];
    while (text.charCodeAt(cursor.at) !== codes.closing) {
      if (items.length > 0) {
        if (text.charCodeAt(cursor.at) !== codes.comma) return undefined;
        cursor.at++;
      }
      const item = readItem(cursor);
      if (item === undefined || ++cursor.values > maxValues) return undefined;
      items.push(item);
    }
    cursor.at++;
    return new SetValue(items);
  };
}

function entityReader(type: string): TextReader<EntityReference> {
  const readUid = uidReader(type);
  return (cursor) => {
    if (!passed(cursor, '{"__entity":')) return undefined;
    const reference = readUid(cursor);
    return reference !== undefined && passed(cursor, '}') ? reference : undefined;
  };
}

/** Reads `{"id":"…","type":"…"}` of one type. */
export function uidReader(type: string): TextReader<EntityReference> {
  const end = `,"type":${JSON.stringify(type)}}`;
  return (cursor) => {
    if (!passed(cursor, '{"id":')) return undefined;
    const id = readText(cursor);
    return id !== undefined && passed(cursor, end) ? new EntityReference(type, id) : undefined;
  };
}

function extensionReader(name: string): TextReader {
  const fn = dataFunction(name);
  const end = `,"fn":"${name}"}}`;
  return (cursor) => {
    if (fn?.arity !== 1 || !passed(cursor, '{"__extn":{"arg":')) return undefined;
    const arg = readText(cursor);
    if (arg === undefined || !passed(cursor, end)) return undefined;
    try {
      const value = fn.apply(arg);
      return isWrittenAs(value, arg) ? value : undefined;
    } catch (error) {
      if (error instanceof PolicyFault) return undefined;
      throw error;
    }
  };
}

/** An address or a duration does not know how it was written: what would be written otherwise is not read here. */
function isWrittenAs(value: Value, arg: string): boolean {
  if (value instanceof IpAddress) return value.toString() === arg;
  return value instanceof Duration ? `${value.milliseconds}ms` === arg : true;
}

function readText(cursor: TextCursor): string | undefined {
  const { at, text } = cursor;
  if (text.charCodeAt(at) !== codes.quote) return undefined;
  const end = text.indexOf('"', at + 1);
  if (end === -1 || end > cursor.escape || end - at > maxTextLength) return undefined;
  cursor.at = end + 1;
  const read = text.slice(at + 1, end);
  return read.isWellFormed() ? read : undefined;
}

/** As many digits as are a safe integer whatever they are. */
const maxDigits = 15;

function readLong(cursor: TextCursor): number | undefined {
  const { text } = cursor;
  const negative = text.charCodeAt(cursor.at) === codes.minus;
  const start = negative ? cursor.at + 1 : cursor.at;
  let at = start;
  let value = 0;
  for (let code = text.charCodeAt(at); code >= codes.zero && code <= codes.nine; code = text.charCodeAt(++at))
    value = value * 10 + (code - codes.zero);
  const digits = at - start;
  if (digits === 0 || digits > maxDigits || (digits > 1 && text.charCodeAt(start) === codes.zero)) return undefined;
  cursor.at = at;
  return negative && value !== 0 ? -value : value;
}

function readBoolean(cursor: TextCursor): boolean | undefined {
  if (passed(cursor, 'true')) return true;
  return passed(cursor, 'false') ? false : undefined;
}

/** Whether this stands where the cursor is; the cursor is then behind it. */
export function passed(cursor: TextCursor, expected: string): boolean {
  if (!cursor.text.startsWith(expected, cursor.at)) return false;
  cursor.at += expected.length;
  return true;
}
