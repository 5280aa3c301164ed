import { randomBytes } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemErrorCode } from '@countersign/runtime';

// Asynchronous, unlike the runtime's writer of small files: a sync takes milliseconds and must not delay appends.

/** Replaces a file atomically and durably. @param staging folder on the same file system for the unfinished file */
export async function replaceFile(
  path: string,
  content: string | Uint8Array,
  mode: number,
  staging = dirname(path),
): Promise<void> {
  const temporary = await writeTemporary(staging, content, mode);
  try {
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Creates a file with its content unless it exists. The caller syncs the folder. @returns whether it was created */
export async function makeFile(path: string, content: Uint8Array, mode: number, staging: string): Promise<boolean> {
  const temporary = await writeTemporary(staging, content, mode);
  try {
    // Unlike an exclusive open, a link makes the file appear with its content.
    await link(temporary, path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function writeTemporary(folder: string, content: string | Uint8Array, mode: number): Promise<string> {
  const temporary = join(folder, `${randomBytes(8).toString('hex')}.new`);
  const file = await open(temporary, 'wx', mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return temporary;
}

/** Makes the names in a folder durable. Windows needs no such step. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
