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

/** Our own log, or another one over HTTP. */
export interface LogSource {
  readonly tile: TileSource;
  /** Undefined if the entries were pruned or may not be read. */
  entryBundle(bundle: EntryBundle): Promise<Uint8Array | undefined>;
}

export interface CopyOrder {
  readonly source: LogSource;
  readonly note: string;
  /** Verifies the signatures of a checkpoint; throws if they do not suffice. */
  readonly open: (note: string) => Head;
  readonly entries: boolean;
  /** How the keys of the log succeeded each other: verified heads, and the document to be served beside them. */
  readonly succession?: { readonly heads: readonly Head[]; readonly document: string };
  readonly onProgress?: (done: bigint, of: bigint) => void;
}

export interface CopyResult {
  readonly size: bigint;
  readonly files: number;
  readonly missingBundles: number;
}

const tilesAtOnce = 8;

/**
 * Updates a folder to a checkpoint and verifies every tile and entry. The checkpoint is written last, and an
 * interrupted copy continues. @throws CodedError `log_copy_unverified` if the source differs from what was signed;
 * `log_inconsistent` if the folder has another history; `log_folder_unusable`
 */
export async function copyLog({
  folder,
  source,
  note,
  open,
  entries,
  succession,
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

  for (const handover of succession?.heads ?? [])
    if (handover.size <= head.size && Buffer.compare(await tiles.rootAt(handover.size), handover.root) !== 0)
      throw auditLogErrors.error(
        'log_inconsistent',
        `The checkpoint of ${head.size} records does not extend the ${handover.size} of the handover to another key of the log.`,
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
  // Before the checkpoint: a reader of a checkpoint under a new key finds the handover to it.
  if (succession !== undefined && succession.heads.length > 0) await folder.replaceKeys(succession.document);
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

/** "MAY delete any partial tile once the corresponding full tile is available" (C2SP tlog-tiles). */
async function dropPartials(folder: TileFolder, { level, index }: Tile, size: bigint): Promise<void> {
  const full = { level, index, width: tileWidth };
  if (size >> (8n * BigInt(level + 1)) <= index) return;
  await folder.dropPartials(tilePath(full));
  if (level === 0) await folder.dropPartials(entryBundlePath(full));
}

/** Keeps a verified copy of a log in a folder, ready to be served. @throws CodedError as {@link copyLog} */
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
