import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { scratchFolder } from './testing/scratch-folder.ts';

const script = fileURLToPath(new URL('../../scripts/plain-words.mjs', import.meta.url));
const folder = scratchFolder();
afterAll(() => folder.remove());

function check(name: string, text: string, ...options: readonly string[]) {
  const file = join(folder.path, name);
  writeFileSync(file, text);
  const { status, stdout } = spawnSync(process.execPath, [script, ...options, file], { encoding: 'utf8' });
  return { status, stdout: stdout.replaceAll(file, name) };
}

it('accepts plain English', () => {
  expect(check('plain.ts', "throw new Error('The initiator is no longer authorised.');\n")).toEqual({
    status: 0,
    stdout: '',
  });
});

it('refuses a banned phrase in a text, and names the line and a replacement', () => {
  const { status, stdout } = check(
    'texts.ts',
    "const title = 'Approvals';\nconst detail = 'Whoever asked is told why.';\n",
  );
  expect(status).toBe(1);
  expect(stdout).toContain('texts.ts:2: "Whoever": name who');
  expect(stdout).toContain('texts.ts:2: "is told": is informed');
  expect(stdout).toContain('2 phrases to replace.');
});

it('refuses a banned phrase in a document', () => {
  expect(check('guide.md', 'A mandate that still stands.\n').status).toBe(1);
});

it('checks comments only on request', () => {
  const text = '// Nothing more is done for the moment.\nexport const limit = 1;\n';
  expect(check('comment.ts', text).status).toBe(0);
  expect(check('comment.ts', text, '--comments').status).toBe(1);
});
