import { auditLogErrors } from '@countersign/contracts';
import {
  completedTiles,
  decodeEntryBundle,
  type EntryBundle,
  entryBundlePath,
  hashLeaf,
  hashSize,
  partialTiles,
  type Tile,
  tilePath,
  tileWidth,
} from '@countersign/merkle-log';
import type { Head } from './head-guard.ts';
import { openTileFolder, type TileFolder } from './tile-folder.ts';
import { type TileSource, unverified, verifiedTiles } from './verified-tiles.ts';

/** The source of tiles and entries: our own log, or another one over HTTP. */
export interface LogSource {
  readonly tile: TileSource;
  /** Undefined when the entries cannot be had: pruned, or not for us. */
  entryBundle(bundle: EntryBundle): Promise<Uint8Array | undefined>;
}

/** What to copy. */
export interface CopyOrder {
  readonly source: LogSource;
  /** The checkpoint to copy, as it was served. */
  readonly note: string;
  /** Verifies the signatures of a checkpoint, from the source or the folder; throws if they do not suffice. */
  readonly open: (note: string) => Head;
  /** Whether entries are copied as well. */
  readonly entries: boolean;
  readonly onProgress?: (done: bigint, of: bigint) => void;
}

export interface CopyResult {
  readonly size: bigint;
  /** Tiles and bundles that were added. */
  readonly files: number;
  /** Bundles that could not be had. */
  readonly missingBundles: number;
}

const tilesAtOnce = 8;

/**
 * Updates a folder to a checkpoint and verifies everything: the checkpoint extends the one in the folder, and each tile
 * and entry has the hash that the tree has for it. The checkpoint is written last, so the folder always has what it
 * promises. An interrupted copy continues where it stopped.
 *
 * @throws CodedError `log_copy_unverified` when the source gives something else than was signed; `log_inconsistent`
 *   when the folder has another history or other bytes; `log_folder_unusable`
 */
export async function copyLog({
  folder,
  source,
  note,
  open,
  entries,
  onProgress,
}: CopyOrder & { readonly folder: TileFolder }): Promise<CopyResult> {
  const head = open(note);
  const heldNote = await folder.checkpoint();
  const held = heldNote === undefined ? undefined : open(heldNote);
  if (held !== undefined && held.size > head.size)
    throw auditLogErrors.error(
      'log_inconsistent',
      `The folder has a checkpoint of ${held.size} records and is to be given one of ${head.size}: the log has lost some.`,
    );
  const from = held?.size ?? 0n;
  const tiles = await verifiedTiles({ head, source: source.tile, held: (tile) => folder.read(tilePath(tile)) });
  if (held !== undefined && Buffer.compare(await tiles.rootAt(held.size), held.root) !== 0)
    throw auditLogErrors.error(
      'log_inconsistent',
      `The checkpoint of ${head.size} records does not extend the one of ${held.size} that the folder has. Keep both: together they prove a fork.`,
    );

  let files = 0;
  let missingBundles = 0;
  async function copyTile(tile: Tile): Promise<void> {
    const hashes = await tiles.read(tile);
    await folder.write(tilePath(tile), hashes);
    files++;
    if (tile.level !== 0 || !entries) return;
    const path = entryBundlePath(tile);
    const bundle = (await folder.read(path)) ?? (await source.entryBundle(tile));
    if (bundle === undefined) {
      missingBundles++;
      return;
    }
    checkEntries(bundle, tile, hashes);
    await folder.write(path, bundle);
    files++;
  }

  let waiting: Tile[] = [];
  async function copyWaiting(): Promise<void> {
    await Promise.all(waiting.map(copyTile));
    const last = waiting.at(-1);
    if (last?.level === 0) onProgress?.((last.index + 1n) * BigInt(tileWidth), head.size);
    waiting = [];
  }
  for (const tile of completedTiles({ from, to: head.size })) {
    waiting.push(tile);
    if (waiting.length === tilesAtOnce) await copyWaiting();
  }
  waiting.push(...partialTiles(head.size));
  await copyWaiting();
  onProgress?.(head.size, head.size);
  await folder.sync();
  if (heldNote !== note) await folder.replaceCheckpoint(heldNote, note);
  for (const tile of held === undefined ? [] : partialTiles(from)) await dropPartials(folder, tile, head.size);
  return { size: head.size, files, missingBundles };
}

function checkEntries(bundle: Uint8Array, tile: Tile, hashes: Uint8Array): void {
  const decoded = decodeEntryBundle(bundle, tile.width);
  const good =
    decoded.ok &&
    decoded.entries.every(
      (entry, at) => Buffer.compare(hashLeaf(entry), hashes.subarray(at * hashSize, (at + 1) * hashSize)) === 0,
    );
  if (!good) throw unverified(`The entries of ${entryBundlePath(tile)} do not have the hashes of their leaves.`);
}

/** "MAY delete any partial tile once the corresponding full tile is available": by now it is. */
async function dropPartials(folder: TileFolder, { level, index }: Tile, size: bigint): Promise<void> {
  const full = { level, index, width: tileWidth };
  if (size >> (8n * BigInt(level + 1)) <= index) return;
  await folder.dropPartials(tilePath(full));
  if (level === 0) await folder.dropPartials(entryBundlePath(full));
}

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
