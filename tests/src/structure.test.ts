import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/structure.mjs', import.meta.url));
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** Checks a project with one room that has these files. */
function check(files: Readonly<Record<string, string>>) {
  const root = mkdtempSync(join(tmpdir(), 'structure-'));
  folders.push(root);
  const all = {
    'package.json': JSON.stringify({ workspaces: ['room'] }),
    'room/package.json': '{}',
    'room/src/index.ts': '',
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    const file = join(root, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  mkdirSync(join(root, 'scripts'));
  copyFileSync(script, join(root, 'scripts/structure.mjs'));
  const { status, stdout } = spawnSync(process.execPath, ['scripts/structure.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  return { status, faults: stdout.trim() };
}

it('accepts folders that build on each other in one direction, through their entry points', () => {
  const room = {
    'room/src/low/index.ts': "export { low } from './low.ts';\n",
    'room/src/low/low.ts': 'export const low = 1;\n',
    'room/src/high/high.ts': "import { low } from '../low/index.ts';\nexport const high = low + 1;\n",
  };
  expect(check(room)).toEqual({ status: 0, faults: '' });
});

it.each([
  [
    'two folders that import each other',
    'folder cycle: room/src/one, room/src/two',
    {
      'room/src/one/a.ts': "import { b } from '../two/b.ts';\nexport const a = () => b;\n",
      'room/src/two/b.ts': 'export const b = 1;\n',
      'room/src/two/c.ts': "import { a } from '../one/a.ts';\nexport const c = a;\n",
    },
  ],
  [
    'an import past the door of a folder',
    'past the door of a folder: room/src/user.ts imports room/src/low/low.ts',
    {
      'room/src/low/index.ts': "export { low } from './low.ts';\n",
      'room/src/low/low.ts': 'export const low = 1;\n',
      'room/src/user.ts': "import { low } from './low/low.ts';\nexport const user = low;\n",
    },
  ],
  [
    'a door that exports by wildcard',
    'exports by wildcard: room/src/index.ts',
    { 'room/src/index.ts': "export * from './a.ts';\n", 'room/src/a.ts': 'export const a = 1;\n' },
  ],
])('refuses %s', (_, fault, files) => {
  expect(check(files)).toEqual({ status: 1, faults: fault });
});
