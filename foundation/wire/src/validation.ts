import { callDefinitions, type ValueSchema } from '@countersign/contracts/call-schemas';
import { defined } from '@countersign/kernel';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { type Definitions, nameOf, partsOf } from './schemas.ts';
import { bigintPattern, encodingErrors } from './wire-forms.ts';

/**
 * More than canonical JSON may contain (64 levels) plus the surrounding lists and records. No accepted value can exhaust the
 * stack of its reader.
 */
const maxDepth = 80;

/**
 * A validator for plain JSON, after parsing and before decoding. It is compiled at its first use, because a process uses few of the calls
 * that it could.
 * The function throws CodedError `call_malformed` when the value does not match the schema or nests deeper than 80 levels. Detail
 * and facts (`path`, `rule`) name the place and the rule, never the value; member names that no schema has appear as `*`.
 */
export function validatorOf(schema: ValueSchema, definitions: Definitions = callDefinitions): (plain: unknown) => void {
  let validate: ValidateFunction | undefined;
  const isKnown = (name: string) => judgesOf(definitions).names.has(name) || namesIn(schema).has(name);
  return (plain) => {
    if (isDeeperThan(plain, maxDepth)) throw refuse({ path: '', rule: 'depth' });
    validate ??= judgesOf(definitions).ajv.compile(jsonSchemaOf(schema));
    if (!validate(plain)) throw refuse(placeOf(validate.errors?.at(-1), plain, isKnown));
  };
}

interface Judges {
  readonly ajv: Ajv2020;
  /** Names of all members of all definitions. */
  readonly names: ReadonlySet<string>;
}

const prepared = new WeakMap<Definitions, Judges>();

/** Definitions are compiled once, for all calls that refer to them. */
function judgesOf(definitions: Definitions): Judges {
  const known = prepared.get(definitions);
  if (known !== undefined) return known;
  const ajv = new Ajv2020({ strict: true, strictTuples: false, allowUnionTypes: true });
  // Each definition gets an id of its own, because Ajv compiles a pointer again for every schema that refers to it.
  for (const [name, definition] of Object.entries(definitions))
    ajv.addSchema({ ...jsonSchemaOf(definition), $id: idOf(name) });
  const judges = { ajv, names: new Set(Object.values(definitions).flatMap((definition) => [...namesIn(definition)])) };
  prepared.set(definitions, judges);
  return judges;
}

/** The schema of the plain JSON, with keywords of JSON Schema only. */
function jsonSchemaOf(schema: ValueSchema): object {
  const { $ref, wire, properties, additionalProperties, prefixItems, items, anyOf, keys = {}, values = {} } = schema;
  const list = { type: 'array', items: items === undefined || items === false ? {} : jsonSchemaOf(items) };
  switch (wire) {
    case 'undefined':
      return { type: 'null' };
    case 'bigint':
      return { type: 'string', pattern: bigintPattern };
    case 'bytes':
      return {
        type: 'object',
        properties: { base64url: { type: 'string', pattern: '^[A-Za-z0-9_-]*$' } },
        required: ['base64url'],
        additionalProperties: false,
      };
    case 'set':
      return list;
    case 'map': {
      const pair = [jsonSchemaOf(keys), jsonSchemaOf(values)];
      return { type: 'array', items: { type: 'array', prefixItems: pair, minItems: 2, items: false } };
    }
    default:
  }
  return {
    ...schema,
    ...defined({ $ref: $ref && idOf(nameOf($ref)), properties: properties && mapMembers(properties) }),
    ...(additionalProperties ? { additionalProperties: jsonSchemaOf(additionalProperties) } : {}),
    ...defined({ prefixItems: prefixItems?.map(jsonSchemaOf), anyOf: anyOf?.map(jsonSchemaOf) }),
    ...(items ? { items: jsonSchemaOf(items) } : {}),
  };
}

function idOf(name: string): string {
  return `urn:definition:${name}`;
}

function mapMembers(properties: Readonly<Record<string, ValueSchema>>): object {
  return Object.fromEntries(Object.entries(properties).map(([name, member]) => [name, jsonSchemaOf(member)]));
}

function namesIn(schema: ValueSchema): Set<string> {
  const inside = partsOf(schema).flatMap((part) => [...namesIn(part)]);
  return new Set([...Object.keys(schema.properties ?? {}), ...inside]);
}

/** Stops at the maximum depth, so it is bounded itself. */
function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) return value.some((item) => isDeeperThan(item, levels - 1));
  return Object.values(value).some((member) => isDeeperThan(member, levels - 1));
}

interface Place {
  readonly path: string;
  /** A keyword of JSON Schema. */
  readonly rule: string;
}

/** Place of the outermost broken rule, which Ajv reports last. */
function placeOf(error: ErrorObject | undefined, plain: unknown, isKnown: (name: string) => boolean): Place {
  let path = '';
  let at = plain;
  for (const segment of (error?.instancePath ?? '').split('/').slice(1)) {
    const name = segment.replaceAll('~1', '/').replaceAll('~0', '~');
    path += `/${Array.isArray(at) || isKnown(name) ? name : '*'}`;
    at = Object.entries(at ?? {}).find(([member]) => member === name)?.[1];
  }
  return { path: path.slice(0, 200), rule: error?.keyword ?? 'unknown' };
}

function refuse({ path, rule }: Place) {
  const detail = `The value at ${path === '' ? 'the root' : path} of the call or its answer is refused by the rule ${rule}.`;
  return encodingErrors.error('call_malformed', detail, { facts: { path, rule } });
}
