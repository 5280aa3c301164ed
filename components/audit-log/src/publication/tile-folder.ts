import { existsSync, readdirSync, rmSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { auditLogErrors } from '@countersign/contracts';
import { type CodedError, isCodedError } from '@countersign/kernel';
import { acquireOwnerLock, makeFolder, systemErrorCode } from '@countersign/runtime';
import { makeFile, replaceFile, syncFolder } from './durable-write.ts';

/** A log as files for any web server (C2SP tlog-tiles). One process writes at a time. */
export interface TileFolder {
  /** Undefined if there is no such file. */
  read(path: string): Promise<Buffer | undefined>;
  /**
   * Creates a file. Its name is durable after {@link sync}. @throws CodedError `log_inconsistent` if it has other bytes
   */
  write(path: string, bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  checkpoint(): Promise<string | undefined>;
  /** Replaces the checkpoint if it is still `from`. @throws CodedError `log_inconsistent` */
  replaceCheckpoint(from: string | undefined, to: string): Promise<void>;
  /** Written anew, because it grows with the log. */
  replaceKeys(keys: string): Promise<void>;
  /** Removes partial tiles. @param path of the full tile that replaces them */
  dropPartials(path: string): Promise<void>;
  release(): void;
}

/** Not served: the lock and unfinished files. */
const ownFolder = '.countersign';
/** The keys of the log, beside its checkpoint. */
export const keysFile = 'keys.json';
const fileMode = 0o644;
const folderMode = 0o755;

/** @throws CodedError `log_folder_unusable` if it cannot be written, or another process publishes there */
export async function openTileFolder(folder: string): Promise<TileFolder> {
  const own = join(folder, ownFolder);
  const checkpointFile = join(folder, 'checkpoint');
  const unsynced = new Set<string>();
  const lock = await usable(folder, async () => {
    makeFolder(folder, folderMode);
    makeFolder(own, 0o700);
    return acquireOwnerLock({
      folder: own,
      inUse: (who) => unusable(folder, `${who} publishes there`),
    });
  });
  // Left over from a killed process.
  for (const name of readdirSync(own)) if (name.endsWith('.new')) rmSync(join(own, name), { force: true });

  async function ensureFolder(path: string): Promise<void> {
    if (path === folder || existsSync(path)) return;
    await ensureFolder(dirname(path));
    await mkdir(path, { mode: folderMode, recursive: true });
    unsynced.add(dirname(path));
  }

  const read = (path: string) => usable(folder, () => readIfThere(join(folder, path)));
  const readCheckpoint = async () => (await usable(folder, () => readIfThere(checkpointFile)))?.toString();

  return {
    read,
    async write(path, bytes) {
      const made = await usable(folder, async () => {
        const file = join(folder, path);
        await ensureFolder(dirname(file));
        unsynced.add(dirname(file));
        return makeFile(file, bytes, fileMode, own);
      });
      if (made) return;
      const there = await read(path);
      if (there === undefined || Buffer.compare(there, bytes) !== 0)
        throw inconsistent(folder, `${path} is there with other bytes`);
    },
    async sync() {
      await usable(folder, async () => {
        for (const path of unsynced) {
          await syncFolder(path);
          unsynced.delete(path);
        }
      });
    },
    checkpoint: readCheckpoint,
    async replaceCheckpoint(from, to) {
      if ((await readCheckpoint()) !== from)
        throw inconsistent(folder, 'its checkpoint was changed by another program');
      await usable(folder, () => replaceFile(checkpointFile, to, fileMode, own));
    },
    async replaceKeys(keys) {
      if ((await read(keysFile))?.toString() === keys) return;
      await usable(folder, () => replaceFile(join(folder, keysFile), keys, fileMode, own));
    },
    async dropPartials(path) {
      await usable(folder, () => rm(join(folder, `${path}.p`), { recursive: true, force: true }));
    },
    release: () => lock.release(),
  };
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function usable<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (isCodedError(error)) throw error;
    throw unusable(folder, systemErrorCode(error) ?? 'fault', error);
  }
}

function unusable(folder: string, why: string, cause?: unknown): CodedError {
  return auditLogErrors.error(
    'log_folder_unusable',
    `The log cannot be published to ${folder}: ${why}.`,
    cause === undefined ? {} : { cause, internal: String(cause) },
  );
}

function inconsistent(folder: string, what: string): CodedError {
  return auditLogErrors.error(
    'log_inconsistent',
    `The published copy in ${folder} is not of this log, or was changed: ${what}. Publishing there has stopped: ` +
      'find out who wrote it, then publish to an empty folder.',
  );
}
