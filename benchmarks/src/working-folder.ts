import { chmodSync, existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where the databases of a run lie. */
export interface WorkingFolder {
  readonly path: string;
  /** False where a commit costs nothing because nothing is kept: figures of durable work would be too good. */
  readonly onDisk: boolean;
  remove(): void;
}

const memoryFileSystem = 0x01_02_19_94;

/** A temporary folder that survives a restart of the machine, which `/tmp` often does not because it is memory. */
export function makeWorkingFolder(): WorkingFolder {
  const root = existsSync('/var/tmp') ? '/var/tmp' : tmpdir();
  const path = mkdtempSync(join(root, 'countersign-bench-'));
  // Started as root, PostgreSQL runs under another account, which has to pass.
  chmodSync(path, 0o711);
  return {
    path,
    onDisk: statfsSync(path).type !== memoryFileSystem,
    remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}
