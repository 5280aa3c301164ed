import { type Commitment, readPointer } from '@countersign/contracts';
import { parseId, type RecordId } from '@countersign/kernel';

const opening = ',"protected":';
/** As every record of version 2 begins; what goes before all else is put behind it. */
const head = /^\{"v":2,"time":"[^"]+",/;

/** The commitments of a record, from its text: they are its last member. Undefined where it has none. */
export function commitmentsIn(
  text: string,
): { readonly from: number; readonly commitments: Readonly<Record<string, Commitment>> } | undefined {
  if (!text.endsWith('"}}}')) return undefined;
  const from = text.lastIndexOf(opening);
  if (from === -1) return undefined;
  try {
    // A member of the same name further in is not closed by the last brace but one, and no JSON by itself.
    return { from, commitments: JSON.parse(text.slice(from + opening.length, -1)) as Record<string, Commitment> };
  } catch {
    return undefined;
  }
}

/** The id of a record, from its text; undefined where this is not the text of one. */
export function idIn(text: string): RecordId | undefined {
  const at = memberValueAt(text, 0, 'id');
  return at === -1 ? undefined : parseId('record', text.slice(at + 1, endOfString(text, at) - 1));
}

/**
 * The text of a record with a value put back: at the end of the object that it belongs to, or before everything else
 * where that is the record itself, so that what a record ends with stays its end.
 *
 * @returns undefined when the text has no such object
 */
export function putBackText(text: string, path: string, value: string): string | undefined {
  const names = readPointer(path);
  const last = names?.at(-1);
  if (names === undefined || last === undefined) return undefined;
  const member = `"${last}":${value}`;
  if (names.length === 1) {
    const [start] = head.exec(text) ?? [];
    return start === undefined ? undefined : `${start}${member},${text.slice(start.length)}`;
  }
  let at = 0;
  for (const name of names.slice(0, -1)) {
    at = memberValueAt(text, at, name);
    if (at === -1 || text.charCodeAt(at) !== openBrace) return undefined;
  }
  const end = endOfValue(text, at) - 1;
  const comma = text.charCodeAt(end - 1) === openBrace ? '' : ',';
  return `${text.slice(0, end)}${comma}${member}${text.slice(end)}`;
}

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;

/**
 * Where the value of a member begins, in an object that begins at `at`; -1 where it has none. For JSON as the log writes
 * it: without white space, and with no escapes in the names that are looked for.
 */
function memberValueAt(text: string, at: number, name: string): number {
  let place = at + 1;
  while (text.charCodeAt(place) === quote) {
    const end = endOfString(text, place);
    const found = end - place === name.length + 2 && text.startsWith(name, place + 1);
    if (found) return end + 1;
    place = endOfValue(text, end + 1);
    if (text.charCodeAt(place) !== comma) return -1;
    place++;
  }
  return -1;
}

/** Behind the closing quote of a string that begins at `at`. */
function endOfString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++;
    if (escapes % 2 === 0) return end + 1;
  }
  return text.length;
}

/** Behind a value that begins at `at`. */
function endOfValue(text: string, at: number): number {
  let depth = 0;
  for (let place = at; place < text.length; place++) {
    switch (text.charCodeAt(place)) {
      case quote:
        place = endOfString(text, place) - 1;
        if (depth === 0) return place + 1;
        break;
      case openBrace:
      case openBracket:
        depth++;
        break;
      case closeBrace:
      case closeBracket:
        if (depth === 0) return place;
        depth--;
        if (depth === 0) return place + 1;
        break;
      case comma:
        if (depth === 0) return place;
        break;
      default:
    }
  }
  return text.length;
}
