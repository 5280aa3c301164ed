import type { Json } from '@countersign/kernel';
import { type Filter, parse } from 'scim2-parse-filter';
import { scimErrors } from '../schema/errors.ts';
import { isScimId } from '../schema/scim-id.ts';

const maxLength = 1_024;
const maxDepth = 12;
const maxStrings = 64;

export interface ParsedFilter {
  readonly filter: Filter;
  /** String literals are stored outside the parsed filter. */
  literalOf(compared: boolean | null | number | string): Json;
}

/**
 * Strings are read as JSON first: the parser is slow on some texts and treats some escapes differently.
 *
 * @throws CodedError `scim_filter_invalid`
 */
export function parseFilter(text: string): ParsedFilter {
  if (text.length > maxLength) throw invalid(`A filter has at most ${maxLength} characters.`);
  const { bare, strings } = takeStringsOut(text);
  if (!/^[\w\s.:%()[\]"+-]*$/.test(bare)) throw invalid('The filter has an invalid character outside a string.');
  if (depthOf(bare) > maxDepth) throw invalid(`A filter is nested at most ${maxDepth} deep.`);
  // The grammar permits sub-attributes after a value filter only in PATCH paths.
  if (/\]\s*\./.test(bare)) throw invalid('A filter has no sub-attribute behind brackets.');
  try {
    const filter = parse(bare);
    return {
      filter,
      literalOf: (compared) => (typeof compared === 'string' ? (strings[Number(compared)] ?? null) : compared),
    };
  } catch (cause) {
    throw scimErrors.error(
      'scim_filter_invalid',
      'The filter does not follow the grammar of RFC 7644 section 3.4.2.2.',
      {
        cause,
      },
    );
  }
}

/** Replaces each quoted string with its position in the list of strings. */
function takeStringsOut(text: string): { readonly bare: string; readonly strings: readonly string[] } {
  const strings: string[] = [];
  let bare = '';
  let from = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', from)) {
    let end = at + 1;
    while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
    if (end >= text.length) throw invalid('A string in the filter is not terminated.');
    if (strings.length >= maxStrings) throw invalid(`A filter has at most ${maxStrings} strings.`);
    bare += `${text.slice(from, at)}"${strings.length}"`;
    strings.push(readString(text.slice(at, end + 1)));
    from = end + 1;
  }
  return { bare: bare + text.slice(from), strings };
}

function readString(literal: string): string {
  try {
    const value: unknown = JSON.parse(literal);
    if (typeof value === 'string' && value.isWellFormed()) return value;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  throw invalid('A string in the filter is not valid JSON.');
}

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const character of text) {
    if (character === '(' || character === '[') deepest = Math.max(deepest, ++depth);
    else if (character === ')' || character === ']') depth--;
  }
  return deepest;
}

function invalid(detail: string) {
  return scimErrors.error('scim_filter_invalid', detail);
}

/** A condition that an index can serve. */
export interface Exact {
  readonly attribute: 'id' | 'userName' | 'externalId' | 'displayName';
  readonly value: string;
}

/**
 * Provisioning systems look up one `userName` before each request. The whole filter is still applied to the results.
 */
export function exactlyIn({ filter, literalOf }: ParsedFilter): Exact | undefined {
  const parts: readonly Filter[] = filter.op === 'and' ? filter.filters : [filter];
  for (const part of parts) {
    if (part.op !== 'eq') continue;
    const attribute = names.find((name) => name.toLowerCase() === part.attrPath.toLowerCase());
    const value = literalOf(part.compValue);
    if (attribute === undefined || typeof value !== 'string') continue;
    if (attribute !== 'id' || isScimId(value)) return { attribute, value };
  }
  return undefined;
}

const names = ['id', 'userName', 'externalId', 'displayName'] as const;
