import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/casts.mjs', import.meta.url));
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'casts-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function check(source: string): { readonly status: number | null; readonly stdout: string } {
  const file = join(folder, 'source.ts');
  writeFileSync(file, source);
  return spawnSync(process.execPath, [script, file], { encoding: 'utf8' });
}

describe('the check of casts', () => {
  it.each([
    ['a cast', 'const a = read() as Row;\n'],
    ['a non-null assertion', 'const a = read()!;\n'],
    ['a cast to the brand of another file', "import type { Lei } from './lei.ts';\n\nconst a = text as Lei;\n"],
    ['a cast below the comment of another statement', '// Why.\nconst b = 1;\nconst a = read() as Row;\n'],
  ])('reports %s without a comment, by its line', (_, source) => {
    const lines = source.trimEnd().split('\n').length;
    expect(check(source)).toMatchObject({ status: 1, stdout: expect.stringContaining(`source.ts:${lines}\n`) });
  });

  it.each([
    ['a comment above the statement', '// The schema was checked.\nconst a = read(\n  file,\n) as Row;\n'],
    ['a comment on the line', 'const a = read() as Row; // The schema was checked.\n'],
    ['`as const` and `as unknown`', 'const a = [1] as const;\nconst b = JSON.parse(text) as unknown;\n'],
    ['the brand that the file declares', "type Lei = Brand<string, 'Lei'>;\n\nconst a = text as Lei;\n"],
  ])('accepts %s', (_, source) => expect(check(source)).toMatchObject({ status: 0 }));
});
