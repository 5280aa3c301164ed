import { chmodSync, existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface ScratchFolder {
  readonly path: string;
  remove(): void;
}

/** A folder for one test: in memory if there is room, because the tests survive killed processes, not power cuts. */
export function scratchFolder(): ScratchFolder {
  const memory = '/dev/shm';
  const { bavail, bsize } = existsSync(memory) ? statfsSync(memory) : { bavail: 0, bsize: 0 };
  const path = mkdtempSync(join(bavail * bsize > 2_000_000_000 ? memory : tmpdir(), 'countersign-tests-'));
  // Started as root, PostgreSQL runs under another account, which needs access.
  chmodSync(path, 0o711);
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }) };
}
