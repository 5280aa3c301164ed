import type { RecordValue, Value } from '@countersign/cedar';

/**
 * Writes canonical JSON (RFC 8785) directly from the values of a decision, because the general writer takes as long as evaluating
 * all policies. Records are made with their names in canonical order (`recordShape`). A test compares the text with the general writer.
 */

/** Characters that JSON escapes, or might. */
const unplain = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;

/** The content of a JSON string, without its quotes. */
export function escaped(text: string): string {
  return unplain.test(text) ? JSON.stringify(text).slice(1, -1) : text;
}

/** The name of an entity. @param type a type name, which never needs escaping */
export function uidText({ type, id }: { readonly type: string; readonly id: string }): string {
  return `{"id":"${escaped(id)}","type":"${type}"}`;
}

/** `recordToJson` of the value, as text. */
export function recordText({ names, values }: RecordValue): string {
  const openings = openingsOf(names);
  let text = '';
  for (let place = 0; place < values.length; place++) {
    const value = values[place];
    if (value !== undefined) text += `${openings[place]}${valueText(value)}`;
  }
  return text === '' ? '{}' : `${text}}`;
}

function valueText(value: Value): string {
  if (typeof value === 'string') return `"${escaped(value)}"`;
  if (typeof value !== 'object') return String(value);
  switch (value.kind) {
    case 'entity':
      return `{"__entity":${uidText(value)}}`;
    case 'record':
      return recordText(value);
    case 'set':
      return `[${listText(value.items, valueText)}]`;
    case 'decimal':
      return extensionText('decimal', value.written ?? value.toString());
    case 'datetime':
      if (value.written !== undefined) return extensionText('datetime', value.written);
      break;
    default:
  }
  throw new Error(`no information model makes values of the kind ${value.kind} without their text`);
}

/** Items in their order, without the brackets. */
export function listText<Item>(items: readonly Item[], textOf: (item: Item) => string): string {
  let text = '';
  for (const item of items) text += text === '' ? textOf(item) : `,${textOf(item)}`;
  return text;
}

function extensionText(fn: string, arg: string): string {
  return `{"__extn":{"arg":"${escaped(arg)}","fn":"${fn}"}}`;
}

/** The text before each value, by list of names. Records of one shape share their list. */
const openings = new WeakMap<readonly string[], readonly string[]>();

function openingsOf(names: readonly string[]): readonly string[] {
  let found = openings.get(names);
  if (found === undefined) {
    found = names.map((name, place) => `${place === 0 ? '{' : ','}"${escaped(name)}":`);
    openings.set(names, found);
  }
  return found;
}
