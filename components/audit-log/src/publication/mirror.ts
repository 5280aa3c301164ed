import { type CopyOrder, type CopyResult, copyLog } from './copy-log.ts';
import { openTileFolder } from './tile-folder.ts';

/**
 * Keeps a copy of a log in a folder, and verifies what it copies: see `copyLog`. The folder can be served as it is.
 *
 * @throws CodedError as `copyLog` does
 */
export async function mirrorLog({
  folder: path,
  ...order
}: CopyOrder & { readonly folder: string }): Promise<CopyResult> {
  const folder = await openTileFolder(path);
  try {
    return await copyLog({ folder, ...order });
  } finally {
    folder.release();
  }
}
