import type { Filter } from 'scim2-parse-filter';
import { isScimId } from '../scim-id.ts';
import type { ParsedFilter } from './parse-filter.ts';

/** An attribute that a filter wants to be exactly this, whatever else it wants. */
export interface Exact {
  readonly attribute: 'id' | 'userName' | 'externalId' | 'displayName';
  readonly value: string;
}

/**
 * What an index can find of a filter: provisioning systems look for one `userName` before each request. The filter
 * is applied to what is found so all the same.
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
