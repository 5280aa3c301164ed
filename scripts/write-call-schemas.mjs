// Writes foundation/contracts/src/remote/call-schemas.ts from the types of the calls in calls.ts beside it.
// `--check` writes nothing and fails where the file differs. `--table <file>` prints the schemas of another table of calls as JSON.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeCalls } from './call-schemas.mjs';

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
  return `// Written by scripts/write-call-schemas.mjs from the types in calls.ts. Changes belong there.
import type { CallSchemas, ValueSchema } from './value-schema.ts';

export type { CallSchema, ValueSchema } from './value-schema.ts';

/** What schemas of calls name by \`$ref\`. */
export const callDefinitions: Readonly<Record<string, ValueSchema>> = ${print(definitions)};

/** Arguments and answer of every call. */
export const callSchemas: CallSchemas = ${print(calls)};
`;
}

/** JSON with a line for whatever fits into one. */
function print(value, indent = '') {
  const line = JSON.stringify(value);
  if (line.length + indent.length < 100 || typeof value !== 'object') return line;
  const inner = `${indent}  `;
  const lines = Array.isArray(value)
    ? value.map((item) => print(item, inner))
    : Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${print(member, inner)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${lines.map((each) => `${inner}${each},\n`).join('')}${indent}${close}`;
}
