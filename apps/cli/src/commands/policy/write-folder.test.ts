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

it('writes what is read again as the same bundle', async () => {
  writeBundleFolder(join(home, 'new'), smallBundle());
  expect(await readBundleFolder(join(home, 'new'))).toEqual(smallBundle());
});

it('writes the models of applications into folders of their own', async () => {
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

it('writes into no folder that holds something, and leaves nothing there', () => {
  writeFileSync(join(home, 'mine.cedar'), '');
  expect(() => writeBundleFolder(home, smallBundle())).toThrow(expect.objectContaining({ code: 'folder_not_empty' }));
  expect(readdirSync(home)).toEqual(['mine.cedar']);
});

it('writes into a folder that holds nothing but an empty one for tests', async () => {
  mkdirSync(join(home, 'tests'));
  writeBundleFolder(home, smallBundle());
  expect(await readBundleFolder(home)).toEqual(smallBundle());
});

it('says what keeps it from writing, and what to name instead', () => {
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

it('makes the folders above it', async () => {
  const folder = join(home, 'some', 'way', 'below');
  writeBundleFolder(folder, smallBundle());
  expect(await readBundleFolder(folder)).toEqual(smallBundle());
});

// Where `recursive` of Node never returns, so this one would not either.
it.runIf(existsSync('/proc/self'))('gives up where a folder is there and none can be made in it', () => {
  for (const folder of ['/proc/nosuch', '/proc/nosuch/below'])
    expect(() => writeBundleFolder(folder, smallBundle())).toThrow(
      expect.objectContaining({ code: 'folder_unwritable', detail: expect.stringContaining('ENOENT') }),
    );
});

it('writes nowhere else, whatever a control plane names its files', () => {
  for (const file of ['../x.cedar', '/etc/x.cedar', '.bashrc', 'a\u0000.cedar', ''])
    expect(() => writeBundleFolder(join(home, 'new'), { ...smallBundle(), policies: [{ file, text: '' }] })).toThrow(
      expect.objectContaining({ code: 'policy_invalid' }),
    );
  expect(existsSync(join(home, 'new'))).toBe(false);
});
