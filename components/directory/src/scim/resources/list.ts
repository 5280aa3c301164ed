import { type Json, membersOf, parseInstant } from '@countersign/kernel';
import { compileFilter } from '../filter/compile-filter.ts';
import { named, resolveTarget, valuesOf } from '../schema/attribute-path.ts';
import { maxResults } from '../schema/discovery.ts';
import { scimErrors } from '../schema/errors.ts';
import { type Projection, project } from '../schema/projection.ts';
import type { ResourceShape } from '../schema/resource-shape.ts';
import type { ScimResource } from './users.ts';

export interface ListQuery extends Projection {
  readonly filter?: string;
  readonly sortBy?: string;
  readonly descending: boolean;
  /** 1-based. */
  readonly startIndex: number;
  readonly count: number;
}

export interface Candidates {
  readonly shape: ResourceShape;
  readonly resources: readonly ScimResource[];
}

const listUrn = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';

/** @throws CodedError `scim_filter_invalid`, `scim_path_invalid` */
export function listResponse(candidates: readonly Candidates[], query: ListQuery): ScimResource {
  const found = candidates.flatMap(({ shape, resources }) => {
    const { filter } = query;
    const matching = filter === undefined ? resources : resources.filter(compileFilter(filter, shape));
    return matching.map((resource) => ({ shape, resource }));
  });
  const { sortBy } = query;
  if (sortBy !== undefined) {
    if (candidates.every(({ shape }) => sortKeyOf(shape, sortBy) === undefined))
      throw scimErrors.error('scim_path_invalid', 'There is no sortable attribute with this name.');
    sort(found, sortBy, query.descending);
  }
  const page = found.slice(query.startIndex - 1, query.startIndex - 1 + query.count);
  return {
    schemas: [listUrn],
    totalResults: found.length,
    startIndex: query.startIndex,
    itemsPerPage: page.length,
    Resources: page.map(({ shape, resource }) => project(resource, shape, query)),
  };
}

type Found = { readonly shape: ResourceShape; readonly resource: ScimResource };

function sort(found: Found[], sortBy: string, descending: boolean): void {
  const keys = new Map(found.map(({ shape, resource }) => [resource, sortKeyOf(shape, sortBy)?.(resource)]));
  const sign = descending ? -1 : 1;
  found.sort((a, b) => {
    const left = keys.get(a.resource);
    const right = keys.get(b.resource);
    if (left === right) return 0;
    if (left === undefined || right === undefined) return left === undefined ? sign : -sign;
    return left < right ? -sign : sign;
  });
}

function sortKeyOf(
  shape: ResourceShape,
  sortBy: string,
): ((resource: ScimResource) => string | number | undefined) | undefined {
  const target = resolveTarget(shape, sortBy);
  if (target?.kind !== 'attribute' || target.attribute.returned === 'never') return undefined;
  const attribute = target.sub ?? named(target.attribute.subAttributes, 'value') ?? target.attribute;
  if (attribute.type === 'complex') return undefined;
  return (resource) => {
    const [first] = valuesOf(resource, target);
    const value: Json | undefined = membersOf(first)?.[attribute.name] ?? first;
    if (typeof value === 'boolean') return value ? 1 : 0;
    if (typeof value !== 'string') return undefined;
    if (attribute.type === 'dateTime') return parseInstant(value) ?? 0;
    return attribute.caseExact ? value : value.toLowerCase();
  };
}

export const unpaged = { descending: false, startIndex: 1, count: maxResults } as const;
