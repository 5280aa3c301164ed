import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readBundleFolder } from '../../../../../components/policy-engine/src/bundle/read-folder.ts';
import { smallBundle } from '../../../../../components/policy-engine/src/testing/small-bundle.ts';
import { writeBundleFolder } from './write-folder.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'write-folder-'));
});
afterEach(() => rmSync(home, { recursive: true }));

it('writes what is read again as the same bundle', async () => {
  writeBundleFolder(join(home, 'new'), smallBundle());
  expect(await readBundleFolder(join(home, 'new'))).toEqual(smallBundle());
});

it('writes into no folder that holds something', () => {
  writeFileSync(join(home, 'mine.cedar'), '');
  expect(() => writeBundleFolder(home, smallBundle())).toThrow(expect.objectContaining({ code: 'folder_not_empty' }));
});

it('writes nowhere else, whatever a control plane names its files', () => {
  for (const file of ['../x.cedar', '/etc/x.cedar', '.bashrc', 'a\u0000.cedar', ''])
    expect(() => writeBundleFolder(join(home, 'new'), { ...smallBundle(), policies: [{ file, text: '' }] })).toThrow(
      expect.objectContaining({ code: 'policy_invalid' }),
    );
  expect(existsSync(join(home, 'new'))).toBe(false);
});
