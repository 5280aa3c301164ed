import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { smallBundle } from '../../../../../components/policy-engine/src/testing/small-bundle.ts';
import { loadFolder, readFolderBundle, withProblems } from './folder.ts';
import { writeBundleFolder } from './write-folder.ts';

// The folder's reader comes with the whole server, which takes its time to load.
beforeAll(() => import('@countersign/server'));

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'policy-folder-'));
});
afterEach(() => rmSync(home, { recursive: true }));

it('reads an exported folder', async () => {
  writeBundleFolder(home, smallBundle());
  expect(await readFolderBundle(home)).toEqual(smallBundle());
});

it('explains how to create a folder if the path is not one', async () => {
  const file = join(home, 'file');
  writeFileSync(file, '');
  for (const name of [join(home, 'missing'), file, join(file, 'below')])
    await expect(loadFolder(name)).rejects.toMatchObject({
      code: 'folder_not_found',
      detail: expect.stringContaining('policy export'),
    });
});

it('leaves the refusal of a folder without a bundle to the bundle reader', async () => {
  mkdirSync(join(home, 'empty'));
  await expect(loadFolder(join(home, 'empty'))).rejects.toMatchObject({ code: 'policy_invalid' });
});

it('reports every problem on request, and then their number', async () => {
  const bundle = smallBundle();
  writeBundleFolder(home, {
    ...bundle,
    policies: [{ file: 'zz.cedar', text: 'permit(principal, action, resource);' }],
  });
  const told: string[] = [];
  await expect(
    loadFolder(home).catch((error: unknown) => withProblems(error, (line) => told.push(line))),
  ).rejects.toMatchObject({ code: 'policy_invalid', detail: 'The bundle has 1 problem(s).' });
  expect(told).toEqual([expect.stringMatching(/^wrong {2}zz\.cedar:1:1 .*@id/)]);
});
