import { type CopyResult, copyLog, type LogSource } from './copy-log.ts';
import type { Head } from './head-guard.ts';
import { openTileFolder } from './tile-folder.ts';

/**
 * Keeps a copy of a log in a folder, and verifies what it copies: see `copyLog`. The folder can be served as it is.
 *
 * @throws CodedError as `copyLog` does
 */
export async function mirrorLog({
  folder: path,
  ...copy
}: {
  readonly folder: string;
  readonly source: LogSource;
  /** The checkpoint to copy, as it was served. */
  readonly note: string;
  /** Verifies signatures, of what is served and of what the folder has; throws when they are not enough. */
  readonly open: (note: string) => Head;
  readonly entries: boolean;
  readonly onProgress?: (done: bigint, of: bigint) => void;
}): Promise<CopyResult> {
  const folder = await openTileFolder(path);
  try {
    return await copyLog({ folder, ...copy });
  } finally {
    folder.release();
  }
}
