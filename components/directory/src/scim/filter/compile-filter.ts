import { type Json, membersOf, unreachable } from '@countersign/kernel';
import type { Compare, Filter } from 'scim2-parse-filter';
import type { Attribute } from '../schema/attribute.ts';
import { named, resolveTarget, type Target, valuesOf } from '../schema/attribute-path.ts';
import { scimErrors } from '../schema/errors.ts';
import type { ResourceShape } from '../schema/resource-shape.ts';
import { comparison } from './comparison.ts';
import { type ParsedFilter, parseFilter } from './parse-filter.ts';

export type Predicate = (value: Json) => boolean;

interface Scope {
  resolve(path: string): { readonly attribute: Attribute; values(of: Json): readonly Json[] } | undefined;
}

/**
 * An attribute that the type lacks has no values (RFC 7644 section 3.4.2.2). Attributes that are never returned cannot
 * be used, because the results would reveal them. @throws CodedError `scim_filter_invalid`
 */
export function compileFilter(text: string, shape: ResourceShape): Predicate {
  return compiled(text, {
    resolve(path) {
      const target = resolveTarget(shape, path);
      if (target?.kind !== 'attribute') return undefined;
      const whole = target.sub ?? target.attribute;
      if (whole.returned === 'never' || target.attribute.returned === 'never')
        throw scimErrors.error('scim_filter_invalid', `${target.attribute.name} cannot be used in a filter.`);
      return lookUp(target);
    },
  });
}

export function compileValueFilter(text: string, attribute: Attribute): Predicate {
  return compiled(text, scopeOf(attribute));
}

function compiled(text: string, scope: Scope): Predicate {
  const parsed = parseFilter(text);
  return compile(parsed.filter, scope, parsed);
}

function lookUp(target: Extract<Target, { kind: 'attribute' }>) {
  const { attribute, sub, ...rest } = target;
  if (sub !== undefined) return { attribute: sub, values: (of: Json) => valuesOf(of, target) };
  return { attribute, values: (of: Json) => valuesOf(of, { ...rest, attribute }) };
}

function scopeOf({ subAttributes }: Attribute): Scope {
  return {
    resolve(path) {
      const attribute = named(subAttributes, path);
      if (attribute === undefined) return undefined;
      return { attribute, values: (of) => valuesOf(of, { kind: 'attribute', attribute }) };
    },
  };
}

function compile(filter: Filter, scope: Scope, parsed: ParsedFilter): Predicate {
  switch (filter.op) {
    case 'and': {
      const parts = filter.filters.map((part) => compile(part, scope, parsed));
      return (value) => parts.every((part) => part(value));
    }
    case 'or': {
      const parts = filter.filters.map((part) => compile(part, scope, parsed));
      return (value) => parts.some((part) => part(value));
    }
    case 'not': {
      if (!('filter' in filter)) throw new Error('the parser gave a negation of nothing');
      const part = compile(filter.filter, scope, parsed);
      return (value) => !part(value);
    }
    case '[]': {
      const found = scope.resolve(filter.attrPath);
      if (found === undefined) return () => false;
      const part = compile(filter.valFilter, scopeOf(found.attribute), parsed);
      return (value) => found.values(value).some(part);
    }
    case 'pr': {
      const found = scope.resolve(filter.attrPath);
      return (value) => found !== undefined && found.values(value).length > 0;
    }
    case 'eq':
    case 'ne':
    case 'co':
    case 'sw':
    case 'ew':
    case 'gt':
    case 'lt':
    case 'ge':
    case 'le':
      return compileComparison(filter, scope, parsed);
    default:
      return unreachable(filter);
  }
}

function compileComparison({ op, attrPath, compValue }: Compare, scope: Scope, parsed: ParsedFilter): Predicate {
  const wanted = parsed.literalOf(compValue);
  const found = scope.resolve(attrPath);
  // A missing attribute has no value: it differs from every value and equals none.
  if (found === undefined) return () => (op === 'ne') !== (wanted === null);
  const isAssigned: Predicate = (value) => found.values(value).length > 0;
  if (wanted === null) {
    if (op === 'eq') return (value) => !isAssigned(value);
    if (op === 'ne') return isAssigned;
    throw scimErrors.error('scim_filter_invalid', `${op} compares with a value, not with null.`);
  }
  const { attribute, values } = simple(found);
  const holds = comparison(op, attribute, wanted);
  if (op === 'ne') return (value) => !isAssigned(value) || values(value).some(holds);
  return (value) => values(value).some(holds);
}

/** RFC 7644 section 3.4.2.2 compares a complex attribute by its `value`. */
function simple(found: { readonly attribute: Attribute; values(of: Json): readonly Json[] }) {
  if (found.attribute.type !== 'complex') return found;
  const attribute = named(found.attribute.subAttributes, 'value');
  if (attribute === undefined)
    throw scimErrors.error('scim_filter_invalid', `${found.attribute.name} is complex: compare one of its parts.`);
  return { attribute, values: (of: Json) => found.values(of).flatMap((value) => membersOf(value)?.['value'] ?? []) };
}
