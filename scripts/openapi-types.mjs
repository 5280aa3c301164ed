// Writes the TypeScript types of docs/openapi.json, by which the command line checks its requests and answers.
// openapi-typescript needs the compiler interface of TypeScript 5, which TypeScript 7 does not have.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const documentFile = fileURLToPath(new URL('../docs/openapi.json', import.meta.url));
/** Where they are written. */
export const typesFile = fileURLToPath(new URL('../apps/cli/src/api-routes.d.ts', import.meta.url));

/** The text of the types file. @throws Error for a schema keyword that it does not know */
export function typesText(document = JSON.parse(readFileSync(documentFile, 'utf8'))) {
  const { schemas } = document.components;
  const routes = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => {
      const { parameters = [], requestBody, responses, security = [] } = operation;
      const named = (place) => parameters.filter((parameter) => parameter.in === place).map(({ name }) => quoted(name));
      const answers = Object.entries(responses).filter(([status]) => status.startsWith('2'));
      const members = {
        params: union(named('path')),
        query: union(named('query')),
        body: requestBody === undefined ? 'undefined' : contentType(requestBody.content, schemas),
        scope: union([...new Set(security.flatMap((each) => Object.values(each).flat()))].map(quoted)),
        answer: union(answers.map(([, { content }]) => (content ? contentType(content, schemas) : 'undefined'))),
      };
      const text = Object.entries(members).map(([name, type]) => `readonly ${name}: ${type}`);
      return `  readonly ${quoted(`${method.toUpperCase()} ${path}`)}: { ${text.join('; ')} };`;
    }),
  );
  const types = Object.entries(schemas).map(([name, schema]) => `  readonly ${name}: ${typeOf(schema, schemas)};`);
  return [
    '// Written by `npm run openapi` from docs/openapi.json: do not edit.',
    "import type { Json } from '@countersign/kernel';",
    'export interface Schemas {',
    ...types,
    '}',
    'export interface Routes {',
    ...routes,
    '}',
    '',
  ].join('\n');
}

function contentType(content, schemas) {
  const json = Object.entries(content).find(([mediaType]) => /^application\/(?:[\w.-]+\+)?json$/.test(mediaType));
  return json === undefined ? 'unknown' : typeOf(json[1].schema, schemas);
}

function typeOf(schema, schemas) {
  for (const keyword of ['oneOf', 'allOf', 'prefixItems', 'patternProperties'])
    if (keyword in schema) throw new Error(`${keyword} in a schema: teach scripts/openapi-types.mjs what it means`);
  if ('$ref' in schema) {
    const name = schema.$ref.replace('#/components/schemas/', '');
    if (!(name in schemas)) throw new Error(`no schema ${schema.$ref}`);
    return `Schemas[${quoted(name)}]`;
  }
  if ('const' in schema) return JSON.stringify(schema.const);
  if ('enum' in schema) return union(schema.enum.map((value) => JSON.stringify(value)));
  const alternatives = schema.anyOf && union(schema.anyOf.map((each) => typeOf(each, schemas)));
  const own = ownType(schema, schemas);
  if (alternatives === undefined) return own;
  return schema.properties === undefined ? alternatives : `${own} & (${alternatives})`;
}

function ownType({ type, properties, required = [], items, additionalProperties }, schemas) {
  if (Array.isArray(type))
    return union(
      type.map((each) => ownType({ type: each, properties, required, items, additionalProperties }, schemas)),
    );
  switch (type) {
    case 'string':
    case 'boolean':
    case 'null':
      return type;
    case 'integer':
    case 'number':
      return 'number';
    case 'array':
      return `readonly (${items === undefined ? 'Json' : typeOf(items, schemas)})[]`;
    case 'object': {
      if (properties === undefined)
        return `Readonly<Record<string, ${typeof additionalProperties === 'object' ? typeOf(additionalProperties, schemas) : 'Json'}>>`;
      const members = Object.entries(properties).map(
        ([name, schema]) => `readonly ${quoted(name)}${required.includes(name) ? '' : '?'}: ${typeOf(schema, schemas)}`,
      );
      return `{ ${members.join('; ')} }`;
    }
    case undefined:
      return 'Json';
    default:
      throw new Error(`type ${type} in a schema: teach scripts/openapi-types.mjs what it means`);
  }
}

const quoted = (text) => `'${text}'`;
const union = (types) => (types.length === 0 ? 'never' : [...new Set(types)].join(' | '));

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(typesFile, typesText());
