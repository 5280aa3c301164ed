/**
 * Canonical JSON (RFC 8785) of what every decision has, written by hand beside the values themselves: the general writer
 * takes as long as all of the policies. Members come in canonical order because they are written in it; that the text is
 * the canonical form of the value is tested.
 */

/** Anything that JSON escapes, or might. */
const unplain = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;

/**
 * What stands between the quotes of a string. A lone surrogate comes out as `JSON.stringify` has it, by which it is found
 * out. Without the quotes, because they are then part of the text around it, and the whole has fewer pieces.
 */
export function escaped(text: string): string {
  return unplain.test(text) ? JSON.stringify(text).slice(1, -1) : text;
}

export function listText(texts: readonly string[]): string {
  let written = '';
  for (const text of texts) written += written === '' ? `"${escaped(text)}"` : `,"${escaped(text)}"`;
  return `[${written}]`;
}

/** The name of an entity. @param type a type name, which holds nothing to be escaped */
export function uidText(type: string, id: string): string {
  return `{"id":"${escaped(id)}","type":"${type}"}`;
}

/** A reference to an entity, in Cedar's JSON form. */
export function referenceText(type: string, id: string): string {
  return `{"__entity":{"id":"${escaped(id)}","type":"${type}"}}`;
}

/** A value of an extension type, in Cedar's JSON form. */
export function extensionText(fn: string, arg: string): string {
  return `{"__extn":{"arg":"${escaped(arg)}","fn":"${fn}"}}`;
}
