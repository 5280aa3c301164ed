import { defined, type Json, membersOf } from '@countersign/kernel';
import { type ListQuery, unpaged } from '../resources/list.ts';
import { maxResults } from '../schema/discovery.ts';
import { scimErrors } from '../schema/errors.ts';
import type { Projection } from '../schema/projection.ts';

const searchUrn = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';
const names = ['filter', 'sortBy', 'sortOrder', 'startIndex', 'count', 'attributes', 'excludedAttributes'];
const maxAttributes = 64;
const maxTextLength = 4_096;

export function readListQuery(query: unknown): ListQuery {
  const { startIndex, count, ...rest } = readParameters(query, names);
  return listQuery({ ...rest, startIndex: integerOf('startIndex', startIndex), count: integerOf('count', count) });
}

export function readProjection(query: unknown): Projection {
  const { attributes, excludedAttributes } = readParameters(query, ['attributes', 'excludedAttributes']);
  return {
    ...(attributes === undefined ? {} : { attributes: namesIn(attributes) }),
    ...(excludedAttributes === undefined ? {} : { excludedAttributes: namesIn(excludedAttributes) }),
  };
}

export function readSearchRequest(body: Json | undefined): ListQuery {
  const members = membersOf(body);
  const schemas = members?.['schemas'];
  if (members === undefined || !Array.isArray(schemas) || !schemas.includes(searchUrn))
    throw scimErrors.error('scim_syntax_invalid', `A search has the schema ${searchUrn}.`);
  const unknown = Object.keys(members).find((name) => name !== 'schemas' && !names.includes(name));
  if (unknown !== undefined) throw scimErrors.error('scim_syntax_invalid', `A search has no ${unknown.slice(0, 64)}.`);
  return listQuery(members);
}

function listQuery(members: { readonly [name: string]: Json | undefined }): ListQuery {
  const { filter, sortBy, sortOrder, startIndex, count, attributes, excludedAttributes } = members;
  const order = textOf('sortOrder', sortOrder) ?? 'ascending';
  if (order !== 'ascending' && order !== 'descending') throw invalid('sortOrder is ascending or descending.');
  const text = textOf('filter', filter);
  const by = textOf('sortBy', sortBy);
  return {
    ...defined({ filter: text, sortBy: by }),
    descending: order === 'descending',
    startIndex: Math.max(1, numberOf('startIndex', startIndex) ?? unpaged.startIndex),
    count: Math.min(maxResults, Math.max(0, numberOf('count', count) ?? unpaged.count)),
    ...(attributes === undefined ? {} : { attributes: namesIn(attributes) }),
    ...(excludedAttributes === undefined ? {} : { excludedAttributes: namesIn(excludedAttributes) }),
  };
}

function readParameters(query: unknown, known: readonly string[]): { readonly [name: string]: string | undefined } {
  if (typeof query !== 'object' || query === null) return {};
  const read: Record<string, string> = {};
  for (const [name, value] of Object.entries(query)) {
    if (!known.includes(name)) throw invalid(`Unknown query parameter ${name.slice(0, 64)}.`);
    if (typeof value !== 'string') throw invalid(`${name} is given once.`);
    read[name] = value;
  }
  return read;
}

function textOf(name: string, value: Json | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value.length === 0 || value.length > maxTextLength)
    throw invalid(`${name} is a text of 1 to ${maxTextLength} characters.`);
  return value;
}

function integerOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^-?\d{1,9}$/.test(text)) throw invalid(`${name} is a whole number.`);
  return Number(text);
}

function numberOf(name: string, value: Json | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw invalid(`${name} is a whole number.`);
  return value;
}

function namesIn(value: Json): readonly string[] {
  const list: readonly Json[] = typeof value === 'string' ? value.split(',').map((name) => name.trim()) : asList(value);
  if (list.length > maxAttributes) throw invalid(`At most ${maxAttributes} attributes are named.`);
  return list.map((name) => {
    if (typeof name !== 'string') throw invalid('Attributes are named by texts.');
    return name;
  });
}

function asList(value: Json): readonly Json[] {
  if (!Array.isArray(value)) throw invalid('Attributes are named in a list.');
  return value;
}

function invalid(detail: string) {
  return scimErrors.error('scim_value_invalid', detail);
}
