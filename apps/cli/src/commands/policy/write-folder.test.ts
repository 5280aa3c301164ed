import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { interopModel } from '../../../../../components/policy-engine/src/applications/testing/application-world.ts';
import {
  readApplicationFolder,
  readBundleFolder,
} from '../../../../../components/policy-engine/src/bundle/read-folder.ts';
import { smallBundle } from '../../../../../components/policy-engine/src/testing/small-bundle.ts';
import { writeBundleFolder } from './write-folder.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'write-folder-'));
});
afterEach(() => rmSync(home, { recursive: true }));

it('writes a folder that is read as the same bundle', async () => {
  writeBundleFolder(join(home, 'new'), smallBundle());
  expect(await readBundleFolder(join(home, 'new'))).toEqual(smallBundle());
});

it('writes application models into folders of their own', async () => {
  const model = {
    ...(await readApplicationFolder(interopModel)),
    authorizationDetails: [
      {
        type: 'https://todo.example/details/list',
        audience: 'https://todo.example/lists',
        schema: { type: 'object', additionalProperties: false, properties: {} },
      },
    ],
  };
  const bundle = { ...smallBundle(), applications: [model] };
  writeBundleFolder(join(home, 'new'), bundle);
  expect(await readBundleFolder(join(home, 'new'))).toEqual(bundle);
  expect(await readApplicationFolder(join(home, 'new', 'applications', 'Interop'))).toEqual(model);
});

it('refuses a folder that is not empty, and leaves nothing there', () => {
  writeFileSync(join(home, 'mine.cedar'), '');
  expect(() => writeBundleFolder(home, smallBundle())).toThrow(expect.objectContaining({ code: 'folder_not_empty' }));
  expect(readdirSync(home)).toEqual(['mine.cedar']);
});

it('writes into a folder that holds only an empty tests folder', async () => {
  mkdirSync(join(home, 'tests'));
  writeBundleFolder(home, smallBundle());
  expect(await readBundleFolder(home)).toEqual(smallBundle());
});

it('explains why it cannot write, and what to use instead', () => {
  const file = join(home, 'file');
  writeFileSync(file, '');
  for (const [folder, why] of [
    [file, 'ENOTDIR'],
    [join(file, 'below'), 'ENOTDIR'],
  ] as const)
    expect(() => writeBundleFolder(folder, smallBundle())).toThrow(
      expect.objectContaining({ code: 'folder_unwritable', detail: expect.stringContaining(why) }),
    );
});

it('creates the parent folders', async () => {
  const folder = join(home, 'some', 'way', 'below');
  writeBundleFolder(folder, smallBundle());
  expect(await readBundleFolder(folder)).toEqual(smallBundle());
});

// Node's `recursive` never returns here, so a regression would hang.
it.runIf(existsSync('/proc/self'))('gives up if the folder’s parent exists but no folder can be created in it', () => {
  for (const folder of ['/proc/nosuch', '/proc/nosuch/below'])
    expect(() => writeBundleFolder(folder, smallBundle())).toThrow(
      expect.objectContaining({ code: 'folder_unwritable', detail: expect.stringContaining('ENOENT') }),
    );
});

it('writes nowhere else, whatever file names a control plane sends', () => {
  for (const file of ['../x.cedar', '/etc/x.cedar', '.bashrc', 'a\u0000.cedar', ''])
    expect(() => writeBundleFolder(join(home, 'new'), { ...smallBundle(), policies: [{ file, text: '' }] })).toThrow(
      expect.objectContaining({ code: 'policy_invalid' }),
    );
  expect(existsSync(join(home, 'new'))).toBe(false);
});
