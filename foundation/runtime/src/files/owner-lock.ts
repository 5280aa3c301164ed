import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseJson } from '@countersign/kernel';
import { createFileDurably, systemErrorCode } from './files.ts';
import { isRunning, ownIdentity, ownPlace, type ProcessIdentity } from './process-identity.ts';

export interface OwnerLock {
  release(): void;
}

/**
 * Gives one process exclusive use of a folder, by the file `owner.lock` in it.
 * The file identifies the owner by pid, start time and boot, so that a crash never leaves a lock that needs manual removal. An
 * owner in another place (a container that shares the volume) cannot be checked by pid. It touches the file every few seconds,
 * and its lock is stale after three missed beats, measured by our own clock.
 *
 * @throws Error of `inUse`
 */
export async function acquireOwnerLock(options: {
  readonly folder: string;
  readonly heartbeatMs?: number;
  readonly onProgress?: (message: string) => void;
  /** The error for a folder that another process uses. @param owner description of that process */
  readonly inUse: (owner: string) => Error;
}): Promise<OwnerLock> {
  const path = join(options.folder, 'owner.lock');
  const heartbeatMs = options.heartbeatMs ?? 4000;
  const content = JSON.stringify({ ...ownIdentity(), nonce: randomBytes(8).toString('hex') });
  while (!createFileDurably(path, content, 0o600)) {
    const held = readLock(path);
    if (held === undefined) continue;
    if (await isAlive(held, path, heartbeatMs, options.onProgress)) throw options.inUse(ownerInWords(held));
    setAside(path, held);
  }
  const beat = setInterval(() => {
    try {
      utimesSync(path, new Date(), new Date());
    } catch {
      // The folder has been removed; PostgreSQL itself reports this more usefully.
    }
  }, heartbeatMs);
  beat.unref();
  return {
    release() {
      clearInterval(beat);
      if (readLock(path) === content) rmSync(path, { force: true });
    },
  };
}

async function isAlive(
  held: string,
  path: string,
  heartbeatMs: number,
  onProgress: ((message: string) => void) | undefined,
): Promise<boolean> {
  const owner = parseOwner(held);
  // Our lock files are never incomplete (see createFileDurably). This is another program's file or a damaged disk, so no live
  // owner wrote it.
  if (owner === undefined) return false;
  if (owner.place === ownPlace()) return isRunning(owner);
  onProgress?.('Waiting to see whether another host or container still uses the folder');
  const before = modifiedAt(path);
  for (let waited = 0; waited < heartbeatMs * 3.5; waited += heartbeatMs / 4) {
    await sleep(heartbeatMs / 4);
    if (modifiedAt(path) !== before) return readLock(path) !== undefined;
  }
  return false;
}

/** Removes a dead owner's lock, but not a new lock that another process has created in the meantime. */
function setAside(path: string, dead: string): void {
  const aside = `${path}.${randomBytes(6).toString('hex')}.dead`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return;
    throw error;
  }
  const moved = readLock(aside);
  if (moved !== undefined && moved !== dead) createFileDurably(path, moved, 0o600);
  rmSync(aside, { force: true });
}

function readLock(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parseOwner(text: string): ProcessIdentity | undefined {
  const parsed = parseJson(text, { maxLength: 16_384 });
  if (!parsed.ok || typeof parsed.value !== 'object' || parsed.value === null || Array.isArray(parsed.value))
    return undefined;
  // Each member is checked below.
  const { pid, started, boot, place } = parsed.value as Record<string, unknown>;
  if (typeof pid !== 'number' || typeof started !== 'string' || typeof boot !== 'string' || typeof place !== 'string')
    return undefined;
  return { pid, started, boot, place };
}

function modifiedAt(path: string): number {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

function ownerInWords(held: string): string {
  const owner = parseOwner(held);
  if (owner === undefined) return 'another process';
  return owner.place === ownPlace() ? `process ${owner.pid}` : `a process on ${owner.place}`;
}
