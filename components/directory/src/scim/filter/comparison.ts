import { type Json, parseInstant, unreachable } from '@countersign/kernel';
import type { Compare } from 'scim2-parse-filter';
import type { Attribute } from '../schema/attribute.ts';
import { scimErrors } from '../schema/errors.ts';

/** RFC 7644 table 3. @throws CodedError `scim_filter_invalid` if the attribute does not support this comparison */
export function comparison(op: Compare['op'], attribute: Attribute, wanted: Json): (value: Json) => boolean {
  if (attribute.type === 'boolean') {
    if (typeof wanted !== 'boolean' || (op !== 'eq' && op !== 'ne'))
      throw invalid(`${attribute.name} is true or false, and is compared by eq and ne.`);
    return (value) => (value === wanted) === (op === 'eq');
  }
  if (typeof wanted !== 'string') throw invalid(`${attribute.name} can only be compared with text.`);
  if (attribute.type === 'dateTime' && op !== 'co' && op !== 'sw' && op !== 'ew') return byTime(op, attribute, wanted);
  const fold = (text: string): string => (attribute.caseExact ? text : text.toLowerCase());
  const than = fold(wanted);
  return (value) => typeof value === 'string' && textually(op, fold(value), than);
}

function byTime(op: Compare['op'], { name }: Attribute, wanted: string): (value: Json) => boolean {
  const than = parseInstant(wanted);
  if (than === undefined) throw invalid(`${name} is compared with a time as RFC 3339 writes it.`);
  return (value) => {
    const at = typeof value === 'string' ? parseInstant(value) : undefined;
    return at !== undefined && ordered(op, Math.sign(Number(at) - Number(than)));
  };
}

function textually(op: Compare['op'], text: string, than: string): boolean {
  if (op === 'co') return text.includes(than);
  if (op === 'sw') return text.startsWith(than);
  if (op === 'ew') return text.endsWith(than);
  return ordered(op, text < than ? -1 : text > than ? 1 : 0);
}

function ordered(op: Compare['op'], order: number): boolean {
  switch (op) {
    case 'eq':
      return order === 0;
    case 'ne':
      return order !== 0;
    case 'gt':
      return order > 0;
    case 'ge':
      return order >= 0;
    case 'lt':
      return order < 0;
    case 'le':
      return order <= 0;
    case 'co':
    case 'sw':
    case 'ew':
      return false;
    default:
      return unreachable(op);
  }
}

function invalid(detail: string) {
  return scimErrors.error('scim_filter_invalid', detail);
}
