import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkServedLog, type ServedLog } from '@countersign/evidence';
import { decodeEntryBundle, entryBundlePath, hashSize, tilePath, tileWidth } from '@countersign/merkle-log';
import type { KnownHead } from './known-heads.ts';

/**
 * Recomputes a published log from the files of its folder alone.
 *
 * @param open verifies the checkpoint
 * @returns its size; undefined while there is no checkpoint
 * @throws Error with what is wrong
 */
export async function checkFolder(
  folder: string,
  open: (note: string) => KnownHead,
  earlier: KnownHead | undefined,
): Promise<KnownHead | undefined> {
  const note = await readIfThere(join(folder, 'checkpoint'));
  if (note === undefined) return undefined;
  const head = open(note.toString());
  const verdict = await checkServedLog({ source: sourceIn(folder), head, earlier });
  if (!verdict.ok) throw new Error(`the published folder: ${verdict.reason}: ${verdict.detail}`);
  if (verdict.unread > 0) throw new Error(`the published folder lacks ${verdict.unread} entries`);
  return head;
}

/** Partial tiles go when the full one has come: then it is cut ("Partial Tiles" of tlog-tiles). */
function sourceIn(folder: string): ServedLog {
  return {
    async tile(tile) {
      const full = { ...tile, width: tileWidth };
      return (
        (await readIfThere(join(folder, tilePath(tile)))) ??
        (await readIfThere(join(folder, tilePath(full))))?.subarray(0, tile.width * hashSize)
      );
    },
    async entries(bundle) {
      const exact = await readIfThere(join(folder, entryBundlePath(bundle)));
      if (exact !== undefined) return entriesOf(exact, bundle.width);
      const full = await readIfThere(join(folder, entryBundlePath({ ...bundle, width: tileWidth })));
      return full === undefined ? undefined : entriesOf(full, tileWidth).slice(0, bundle.width);
    },
  };
}

function entriesOf(bytes: Buffer, width: number): readonly Buffer[] {
  const read = decodeEntryBundle(bytes, width);
  return read.ok ? read.entries : [];
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  return existsSync(file) ? readFile(file).catch(() => undefined) : undefined;
}
