// Writes foundation/contracts/src/remote/call-schemas.ts from the types of the calls in calls.ts beside it.
// `--check` writes nothing and fails where the file differs. `--table <file>` prints the schemas of another table of calls as JSON.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeCalls } from './call-schemas.mjs';

const width = 120;

const remote = (name) => fileURLToPath(new URL(`../foundation/contracts/src/remote/${name}`, import.meta.url));
const { values: options } = parseArgs({ options: { check: { type: 'boolean' }, table: { type: 'string' } } });

try {
  const described = describeCalls(options.table ?? remote('calls.ts'));
  if (options.table !== undefined) console.log(JSON.stringify(described));
  else settle(remote('call-schemas.ts'), moduleOf(described));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}

function settle(file, text) {
  if (options.check !== true) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text)
    throw new Error('The schemas of calls are not those of their types: run `node scripts/write-call-schemas.mjs`.');
}

function moduleOf({ definitions, calls }) {
  const methods = (of) => Object.entries(of).map(([name, call]) => [name, expressionOfCall(call)]);
  const text = [
    `/** What schemas of calls name by \`$ref\`. */
export const callDefinitions: Readonly<Record<string, ValueSchema>> = ${print(members(Object.entries(definitions).map(expressionOfMember)), '', 0)};`,
    `/** Arguments and answer of every call. */
export const callSchemas: CallSchemas = ${print(members(Object.entries(calls).map(([name, of]) => [name, members(methods(of))])), '', 0)};`,
  ].join('\n\n');
  const words = ['any', 'anyOf', 'boolean', 'call', 'list', 'nothing', 'number', 'object', 'oneOf', 'record', 'ref'];
  const used = [...words, 'string', 'tuple'].filter((word) => new RegExp(`(?<![\\w'])${word}(?![\\w'?:])`).test(text));
  return `// Written by scripts/write-call-schemas.mjs from the types in calls.ts. Changes belong there.
import { ${used.join(', ')} } from './schema-notation.ts';
import type { CallSchemas, ValueSchema } from './value-schema.ts';

export type { CallSchema, ValueSchema } from './value-schema.ts';

${text}
`;
}

// An expression is text, or a list of expressions between two brackets.

function members(entries) {
  const parts = entries.map(([name, value]) => ({ name: /^\w+$/.test(name) ? name : quoted(name), value }));
  return { open: '{', parts, close: '}' };
}

function applied(word, parts, brackets = '()') {
  return { open: word + brackets[0], parts, close: brackets[1] };
}

function quoted(value) {
  return typeof value === 'string' ? `'${value.replace(/[\\']/g, '\\$&')}'` : String(value);
}

function expressionOfMember([name, schema]) {
  return [name, expressionOf(schema)];
}

function expressionOfCall({ arguments: given, answer }) {
  if (given.$ref !== undefined)
    return members(
      [
        ['arguments', given],
        ['answer', answer],
      ].map(expressionOfMember),
    );
  const { prefixItems = [], minItems = 0 } = given;
  return applied('call', [...itemsOf(prefixItems), expressionOf(answer), ...minimumOf(prefixItems, minItems)]);
}

function itemsOf(items) {
  return [applied('', items.map(expressionOf), '[]')];
}

function minimumOf(items, minItems) {
  return minItems === items.length ? [] : [String(minItems)];
}

/** A schema in the words of schema-notation.ts, or as it is where they have none for it. */
function expressionOf(schema) {
  const { type, items, properties, required = [], additionalProperties, prefixItems, minItems = 0, ...rest } = schema;
  const has = (...names) => Object.keys(schema).every((name) => names.includes(name));
  if (has()) return 'any';
  if (has('type') && ['string', 'number', 'boolean'].includes(type)) return type;
  if (has('wire') && rest.wire === 'undefined') return 'nothing';
  if (has('$ref')) return `ref(${quoted(rest.$ref.slice('#/$defs/'.length))})`;
  if (has('const')) return applied('oneOf', [quoted(rest.const)]);
  if (has('enum')) return applied('oneOf', rest.enum.map(quoted));
  if (has('anyOf')) return applied('anyOf', rest.anyOf.map(expressionOf));
  if (type === 'array' && has('type', 'items') && items !== false) return applied('list', [expressionOf(items)]);
  if (type === 'array' && items === false && has('type', 'items', 'prefixItems', 'minItems'))
    return applied('tuple', [...itemsOf(prefixItems ?? []), ...minimumOf(prefixItems ?? [], minItems)]);
  if (type === 'object' && has('type', 'additionalProperties') && additionalProperties !== false)
    return applied('record', [expressionOf(additionalProperties)]);
  if (
    type === 'object' &&
    properties !== undefined &&
    additionalProperties === false &&
    has('type', 'properties', 'required', 'additionalProperties')
  ) {
    const optional = (name) => (required.includes(name) ? name : `${name}?`);
    return applied('object', [
      members(Object.entries(properties).map(([name, of]) => [optional(name), expressionOf(of)])),
    ]);
  }
  return members(Object.entries(schema).map(([keyword, value]) => [keyword, expressionOfKeyword(keyword, value)]));
}

function expressionOfKeyword(keyword, value) {
  if (keyword === 'properties') return members(Object.entries(value).map(expressionOfMember));
  if (Array.isArray(value))
    return applied(
      '',
      value.map((item) => (typeof item === 'object' ? expressionOf(item) : quoted(item))),
      '[]',
    );
  return typeof value === 'object' ? expressionOf(value) : quoted(value);
}

function lineOf(expression) {
  if (typeof expression === 'string') return expression;
  if ('name' in expression) return `${expression.name}: ${lineOf(expression.value)}`;
  const { open, parts, close } = expression;
  const inner = parts.map(lineOf).join(', ');
  return open === '{' && inner !== '' ? `{ ${inner} }` : `${open}${inner}${close}`;
}

/** Lines of at most 120 characters, as many values in each as fit. */
function print(expression, indent, before) {
  const line = lineOf(expression);
  if (line.length + indent.length + before < width || typeof expression === 'string') return line;
  if ('name' in expression) return `${expression.name}: ${print(expression.value, indent, expression.name.length + 3)}`;
  const { open, parts, close } = expression;
  // `object({` and `list([`: one bracket opens the only part.
  if (parts.length === 1 && typeof parts[0] === 'object' && !('name' in parts[0]))
    return `${open}${print(parts[0], indent, before + open.length + 1)}${close}`;
  const inner = `${indent}  `;
  const lines = [];
  for (const part of parts.map((each) => print(each, inner, 1))) {
    const joined = `${lines.at(-1)} ${part},`;
    if (lines.length === 0 || joined.includes('\n') || joined.length + inner.length > width) lines.push(`${part},`);
    else lines[lines.length - 1] = joined;
  }
  return `${open}\n${lines.map((each) => `${inner}${each}\n`).join('')}${indent}${close}`;
}
