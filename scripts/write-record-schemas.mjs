// Writes the schemas of records to docs/records, as the built contracts have them: `npm run build` first.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { recordSchemaFiles } from '@countersign/contracts';

const folder = fileURLToPath(new URL('../docs/records/', import.meta.url));
mkdirSync(folder, { recursive: true });
const files = recordSchemaFiles();
const names = new Set(files.map(({ name }) => name));
for (const name of readdirSync(folder)) if (!names.has(name)) rmSync(join(folder, name));
for (const { name, text } of files) writeFileSync(join(folder, name), text);
console.log(`${files.length} files written to ${folder}`);
