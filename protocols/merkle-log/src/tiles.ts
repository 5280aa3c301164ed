import { merkleLogErrors } from './errors.ts';
import { hashPerfectSubtree, hashSize } from './hashing.ts';
import { isTreeSize, maxTreeSize } from './tree-size.ts';

/** Hashes in a full tile, entries in a full bundle (tlog-tiles, "Merkle Tree"). */
export const tileWidth = 256;
/** Bytes of a full tile: 8192. */
export const fullTileSize = tileWidth * hashSize;

/** Tile levels are 8 tree levels apart. */
const tileHeight = 8n;
const maxLevel = 63;

/** The hashes `[index * 256, index * 256 + width)` of tree level `8 * level`. A full tile has width 256. */
export interface Tile {
  readonly level: number;
  readonly index: bigint;
  readonly width: number;
}

/** The entries `[index * 256, index * 256 + width)`. A full bundle has width 256. */
export interface EntryBundle {
  readonly index: bigint;
  readonly width: number;
}

/**
 * Where a tile is served, below the log's prefix: `tile/0/x001/x234/067`, partial with `.p/<width>` behind it.
 *
 * @throws CodedError `tile_out_of_range` for a level above 63, a width outside 1 to 256 or an index that is no uint64.
 */
export function tilePath(tile: Tile): string {
  if (!Number.isInteger(tile.level) || tile.level < 0 || tile.level > maxLevel)
    throw merkleLogErrors.error('tile_out_of_range', 'A tile level is between 0 and 63.');
  return `tile/${tile.level}/${pathOf(tile)}`;
}

/** Where an entry bundle is served, below the log's prefix. Throws as {@link tilePath} does. */
export function entryBundlePath(bundle: EntryBundle): string {
  return `tile/entries/${pathOf(bundle)}`;
}

function pathOf({ index, width }: EntryBundle): string {
  if (!isTreeSize(index)) throw merkleLogErrors.error('tile_out_of_range', 'A tile index is a uint64.');
  if (!Number.isInteger(width) || width < 1 || width > tileWidth)
    throw merkleLogErrors.error('tile_out_of_range', 'A tile is between 1 and 256 wide.');
  const digits = index.toString();
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? [];
  const path = groups.map((group, position) => (position < groups.length - 1 ? `x${group}` : group)).join('/');
  return width === tileWidth ? path : `${path}.p/${width}`;
}

export type TileResource =
  | { readonly kind: 'tile'; readonly tile: Tile }
  | { readonly kind: 'entries'; readonly bundle: EntryBundle };

const pathPattern = /^tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/){0,6}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

/**
 * What a path below the log's prefix names, or undefined when it is not in the one form {@link tilePath} and
 * {@link entryBundlePath} write. Whether the tree has it is another question: see {@link treeHasTile}.
 */
export function parseTilePath(path: string): TileResource | undefined {
  const [, kind, groups, partial] = pathPattern.exec(path) ?? [];
  if (kind === undefined || groups === undefined) return undefined;
  const index = BigInt(groups.replaceAll(/[x/]/g, ''));
  const width = partial === undefined ? tileWidth : Number(partial);
  const level = kind === 'entries' ? 0 : Number(kind);
  if (index > maxTreeSize || width > tileWidth || level > maxLevel) return undefined;
  const resource: TileResource =
    kind === 'entries'
      ? { kind: 'entries', bundle: { index, width } }
      : { kind: 'tile', tile: { level, index, width } };
  // Writing it again refuses every second spelling of the same tile: `x000/001`, `000.p/256`.
  const canonical = resource.kind === 'entries' ? entryBundlePath(resource.bundle) : tilePath(resource.tile);
  return canonical === path ? resource : undefined;
}

/** How many hashes a tree of this size has at a tile level. */
function hashesAt(size: bigint, level: number): bigint {
  return size >> (tileHeight * BigInt(level));
}

/** Whether a tree of this size has all of a tile's hashes. For a bundle ask about level 0. */
export function treeHasTile(size: bigint, tile: Tile): boolean {
  return tile.index * BigInt(tileWidth) + BigInt(tile.width) <= hashesAt(size, tile.level);
}

/** Width of the tile at this place in a tree of this size: 256, less at the right edge, 0 beyond it. */
export function widthInTree(size: bigint, place: { readonly level: number; readonly index: bigint }): number {
  const width = hashesAt(size, place.level) - place.index * BigInt(tileWidth);
  return width <= 0n ? 0 : width >= BigInt(tileWidth) ? tileWidth : Number(width);
}

/**
 * The tiles that are full at size `to` and were not at size `from`: lower levels first, then from left to
 * right, so that what a tile is made of always comes before it. One at a time, as there may be many.
 */
export function* completedTiles(growth: { readonly from: bigint; readonly to: bigint }): Generator<Tile, void> {
  for (let level = 0; hashesAt(growth.to, level + 1) > 0n; level++) {
    const end = hashesAt(growth.to, level + 1);
    for (let index = hashesAt(growth.from, level + 1); index < end; index++) yield { level, index, width: tileWidth };
  }
}

/** The partial tiles of a tree of this size, lower levels first; empty ones do not exist ("Partial Tiles"). */
export function partialTiles(size: bigint): Tile[] {
  const tiles: Tile[] = [];
  for (let level = 0; hashesAt(size, level) > 0n; level++) {
    const index = hashesAt(size, level + 1);
    const width = widthInTree(size, { level, index });
    if (width > 0) tiles.push({ level, index, width });
  }
  return tiles;
}

/**
 * The root of a full tile: hash number `index` of the level above, where `index` is the tile's.
 *
 * @param tile exactly 8192 bytes
 */
export function tileRoot(tile: Uint8Array): Buffer {
  if (tile.length !== fullTileSize) throw merkleLogErrors.error('tile_corrupt', 'A full tile is 8192 bytes long.');
  return hashPerfectSubtree(tile);
}
