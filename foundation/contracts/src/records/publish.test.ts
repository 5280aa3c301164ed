import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { recordSchemaFiles } from './publish.ts';

const folder = fileURLToPath(new URL('../../../../docs/records/', import.meta.url));

it('is published as it is: `node scripts/write-record-schemas.mjs` after a build writes it anew', () => {
  const files = recordSchemaFiles();
  expect(readdirSync(folder).sort()).toEqual(files.map(({ name }) => name).sort());
  for (const { name, text } of files) expect(readFileSync(`${folder}${name}`, 'utf8'), name).toBe(text);
});
