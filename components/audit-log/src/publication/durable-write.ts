import { randomBytes } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemErrorCode } from '@countersign/runtime';

// As the runtime writes small files, without holding up whoever appends meanwhile: a sync takes milliseconds.

/**
 * Replaces a file: after a power cut there is the whole new content or what was there before.
 *
 * @param staging a folder on the same file system, for what is not finished; that of the file when left out
 */
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

/**
 * Makes a file, whole, unless there is one. Its name is durable once the folder has been synced, which is the caller's.
 *
 * @param staging a folder on the same file system, for what is not finished
 * @returns whether this call made it
 */
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

/** Makes the names in a folder durable. Windows cannot open a folder and needs no such step. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
