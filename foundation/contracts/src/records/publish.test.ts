import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { recordSchemaFiles } from './publish.ts';

const folder = fileURLToPath(new URL('../../../../docs/records/', import.meta.url));

it('is published unchanged: `node scripts/write-record-schemas.mjs` regenerates it after a build', () => {
  const files = recordSchemaFiles();
  expect(readdirSync(folder).sort()).toEqual(files.map(({ name }) => name).sort());
  for (const { name, text } of files) expect(readFileSync(`${folder}${name}`, 'utf8'), name).toBe(text);
});
