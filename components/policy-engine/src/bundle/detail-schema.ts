import { type Json, membersOf } from '@countersign/kernel';
import { Check, Errors } from 'typebox/schema';
import { firstFaultIn, whyUnwritable } from './located.ts';

const deepest = 4;
const mostSchemas = 128;
const mostMembers = 32;
const mostItems = 64;
const mostChosen = 64;
const longestText = 1_024;
/** Maximum length of a detail, because every request with the token carries it. */
const longestDetail = 4_096;

const keywords = {
  object: ['properties', 'required', 'additionalProperties'],
  array: ['items', 'minItems', 'maxItems', 'uniqueItems'],
  string: ['enum', 'minLength', 'maxLength'],
  integer: ['minimum', 'maximum'],
  boolean: [],
} as const satisfies Readonly<Record<string, readonly string[]>>;
const everywhere = ['type', 'title', 'description'];
/** Members that the server reads for every type. */
const ofTheServer: ReadonlySet<string> = new Set(['type', 'locations']);

/**
 * Why a JSON Schema is not allowed for authorization details, with the place; undefined if it is. Only keywords for closed documents
 * of bounded size are allowed: no references, no patterns, nothing that is fetched or slow to check.
 */
export function faultOfDetailSchema(schema: Json): string | undefined {
  let count = 0;
  const root = membersOf(schema);
  if (root?.['type'] !== 'object') return '/type must be object';
  const own = Object.keys(membersOf(root['properties']) ?? {}).find((name) => ofTheServer.has(name));
  if (own !== undefined) return `/properties/${own} is reserved: the server reads it for every type`;
  return faultOf(schema, '', 1);

  function faultOf(json: Json | undefined, path: string, depth: number): string | undefined {
    const members = membersOf(json);
    if (members === undefined) return `${path || '/'} must be a schema`;
    count += 1;
    if (count > mostSchemas) return `it contains more than ${mostSchemas} schemas`;
    if (depth > deepest) return `${path} is deeper than ${deepest} levels`;
    const { type } = members;
    if (!isKnownType(type)) return `${path}/type must be one of ${Object.keys(keywords).join(', ')}`;
    const known: readonly string[] = [...everywhere, ...keywords[type]];
    const unknown = Object.keys(members).find((name) => !known.includes(name));
    if (unknown !== undefined) return `${path}/${unknown.slice(0, 64)} is not supported for ${type}`;
    for (const name of ['title', 'description'])
      if (members[name] !== undefined && typeof members[name] !== 'string') return `${path}/${name} must be text`;
    switch (type) {
      case 'object':
        return faultOfObject(members, path, depth);
      case 'array':
        if (!isCount(members['maxItems'], mostItems)) return `${path}/maxItems is required, ${mostItems} at most`;
        if (members['minItems'] !== undefined && !isCount(members['minItems'], mostItems))
          return `${path}/minItems must be a number of items`;
        if (members['uniqueItems'] !== undefined && typeof members['uniqueItems'] !== 'boolean')
          return `${path}/uniqueItems must be true or false`;
        return faultOf(members['items'], `${path}/items`, depth + 1);
      case 'string':
        return faultOfText(members, path);
      case 'integer':
        return ['minimum', 'maximum']
          .filter((name) => members[name] !== undefined && !Number.isSafeInteger(members[name]))
          .map((name) => `${path}/${name} must be an integer`)[0];
      case 'boolean':
        return undefined;
      default:
        return type satisfies never;
    }
  }

  function faultOfObject(members: Readonly<Record<string, Json>>, path: string, depth: number): string | undefined {
    if (members['additionalProperties'] !== false) return `${path}/additionalProperties must be false`;
    const properties = membersOf(members['properties']);
    if (properties === undefined) return `${path}/properties is required`;
    const names = Object.keys(properties);
    if (names.length > mostMembers) return `${path}/properties has more than ${mostMembers} members`;
    const required = members['required'] ?? [];
    if (!Array.isArray(required) || !required.every((name) => typeof name === 'string' && names.includes(name)))
      return `${path}/required must list members of properties`;
    for (const name of names) {
      if (!/^[a-z][A-Za-z0-9_]{0,63}$/.test(name) || Object.hasOwn(Object.prototype, name))
        return `${path}/properties has an invalid name: use a letter from a to z, then letters, digits and underscores`;
      const fault = faultOf(properties[name], `${path}/properties/${name}`, depth + 1);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }
}

function faultOfText(members: Readonly<Record<string, Json>>, path: string): string | undefined {
  const { enum: chosen, minLength, maxLength } = members;
  if (minLength !== undefined && !isCount(minLength, longestText)) return `${path}/minLength must be a length`;
  if (maxLength !== undefined && !isCount(maxLength, longestText))
    return `${path}/maxLength must be a length, ${longestText} at most`;
  if (chosen === undefined) return maxLength === undefined ? `${path} needs maxLength or enum` : undefined;
  return Array.isArray(chosen) &&
    chosen.length > 0 &&
    chosen.length <= mostChosen &&
    chosen.every((each) => typeof each === 'string' && each.length <= longestText)
    ? undefined
    : `${path}/enum must be one to ${mostChosen} texts`;
}

function isKnownType(type: Json | undefined): type is keyof typeof keywords {
  return typeof type === 'string' && Object.hasOwn(keywords, type);
}

function isCount(value: Json | undefined, most: number): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most;
}

/**
 * Why an authorization detail does not fit its schema: a JSON pointer, a stable code and a text; undefined if it fits.
 * @param schema without a {@link faultOfDetailSchema}
 */
export function problemWithDetail(
  schema: Readonly<Record<string, Json>>,
  members: Readonly<Record<string, Json>>,
): { readonly path: string; readonly problem: string; readonly detail: string } | undefined {
  if (JSON.stringify(members).length > longestDetail)
    return {
      path: '',
      problem: 'detail_too_large',
      detail: `An authorization detail has at most ${longestDetail} characters.`,
    };
  if (!Check(schema, members)) {
    const [, errors] = Errors(schema, members);
    const unknown = errors.find(({ keyword }) => keyword === 'additionalProperties');
    const fault = firstFaultIn(members, { Errors: () => (unknown === undefined ? errors : [unknown]) });
    return {
      path: (unknown ?? errors[0])?.instancePath ?? '',
      problem: unknown === undefined ? 'field_malformed' : 'field_unknown',
      detail: `It does not fit the schema of its type: ${fault ?? 'it has another form'}.`,
    };
  }
  const unwritable = whyUnwritable(members);
  return unwritable === undefined
    ? undefined
    : { path: '', problem: 'field_malformed', detail: `It cannot be recorded: ${unwritable}.` };
}
