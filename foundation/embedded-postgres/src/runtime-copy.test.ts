import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPlatformPackage } from './platform-package.ts';
import { preparePostgresRuntime } from './runtime-copy.ts';
import { chooseServerAccount, firstClosedFolder } from './server-account.ts';

const source = findPlatformPackage();
let root: string;
let told: string[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'runtime-copy-'));
  chmodSync(root, 0o755);
  told = [];
});
afterEach(() => rmSync(root, { recursive: true }));

const prepare = (folders: readonly string[], from = source) =>
  preparePostgresRuntime({
    source: from,
    account: chooseServerAccount(),
    folders,
    onProgress: (message) => told.push(message),
  });

describe('the copy of PostgreSQL’s programs', () => {
  it('is made once, has the links missing from the package, and is repaired if damaged', async () => {
    const folder = join(root, 'programs');
    const runtime = await prepare([folder]);
    expect(runtime.major).toBeGreaterThanOrEqual(18);
    expect(source.links.length).toBeGreaterThan(0);
    const copy = join(folder, readdirSync(folder)[0] ?? '');
    for (const link of source.links) expect(lstatSync(join(copy, link.path)).isSymbolicLink()).toBe(true);

    await prepare([folder]);
    expect(told).toHaveLength(1);
    truncateSync(runtime.bin('initdb'), 0);
    await prepare([folder]);
    expect(told).toHaveLength(2);
    expect(lstatSync(runtime.bin('initdb')).size).toBeGreaterThan(0);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it.skipIf(process.getuid?.() !== 0)('serves a checkout that the account may not enter, for any umask', async () => {
    const closed = join(root, 'home');
    mkdirSync(closed);
    chmodSync(closed, 0o700);
    symlinkSync(source.native, join(closed, 'native'));
    const before = process.umask(0o077);
    try {
      const runtime = await prepare([join(root, 'open', 'programs')], { ...source, native: join(closed, 'native') });
      expect(firstClosedFolder(runtime.bin('postgres'), chooseServerAccount())).toBeUndefined();
    } finally {
      process.umask(before);
    }
  });

  it('is never taken from a folder that others can write to', async () => {
    const open = join(root, 'shared');
    mkdirSync(open);
    chmodSync(open, 0o777);
    await expect(prepare([open])).rejects.toMatchObject({
      code: 'postgres_binary_unusable',
      detail: expect.stringContaining('others may write'),
    });
    expect(readdirSync(open)).toEqual([]);
  });

  it('is refused with advice on a platform without a package', () => {
    expect(() => findPlatformPackage('sunos', 'x64')).toThrow(
      expect.objectContaining({ code: 'postgres_package_missing', detail: expect.stringContaining('DATABASE_URL') }),
    );
  });
});
