import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

const folder =
  process.env.COUNTERSIGN_VECTORS ?? fileURLToPath(new URL('../../../../../shared/vectors', import.meta.url));

/** Whether an archive of public test data is present. Without it, its tests are skipped by name. */
export function hasVectors(archive: string): boolean {
  return existsSync(join(folder, archive));
}

/** Unpacks an archive of test data for the tests of this file. @returns the folder */
export function unpackVectors(archive: string): string {
  const target = mkdtempSync(join(tmpdir(), 'merkle-log-vectors-'));
  afterAll(() => rmSync(target, { recursive: true, force: true }));
  execFileSync('tar', ['xzf', join(folder, archive), '-C', target]);
  return target;
}

/** Paths of all files below a folder, relative to it. */
export function filesBelow(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}
