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
  return `// Written by scripts/write-call-schemas.mjs from the types in calls.ts. Changes belong there.
import type { CallSchemas, ValueSchema } from './value-schema.ts';

export type { CallSchema, ValueSchema } from './value-schema.ts';

/** What schemas of calls name by \`$ref\`. */
export const callDefinitions: Readonly<Record<string, ValueSchema>> = ${print(definitions)};

/** Arguments and answer of every call. */
export const callSchemas: CallSchemas = ${print(calls)};
`;
}

/** JSON in lines of at most 120 characters, as many values in each as fit. */
function print(value, indent = '', before = 0) {
  const line = JSON.stringify(value);
  if (line.length + indent.length + before < width || typeof value !== 'object') return line;
  const inner = `${indent}  `;
  const parts = Array.isArray(value)
    ? value.map((item) => print(item, inner))
    : Object.entries(value).map(
        ([name, member]) => `${JSON.stringify(name)}: ${print(member, inner, name.length + 4)}`,
      );
  const lines = [];
  for (const part of parts) {
    const joined = `${lines.at(-1)} ${part},`;
    if (lines.length === 0 || joined.includes('\n') || joined.length + inner.length > width) lines.push(`${part},`);
    else lines[lines.length - 1] = joined;
  }
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${lines.map((each) => `${inner}${each}\n`).join('')}${indent}${close}`;
}
