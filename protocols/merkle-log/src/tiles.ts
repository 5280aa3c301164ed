import { merkleLogErrors } from './errors.ts';
import { hashPerfectSubtree, hashSize } from './hashing.ts';
import { isTreeSize, maxTreeSize } from './tree-size.ts';

/** tlog-tiles, "Merkle Tree". */
export const tileWidth = 256;
/** 8192 bytes. */
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

/** E.g. `tile/0/x001/x234/067` or `tile/0/001.p/5`. @throws CodedError `tile_out_of_range` */
export function tilePath(tile: Tile): string {
  if (!Number.isInteger(tile.level) || tile.level < 0 || tile.level > maxLevel)
    throw merkleLogErrors.error('tile_out_of_range', 'A tile level is between 0 and 63.');
  return `tile/${tile.level}/${pathOf(tile)}`;
}

/** @throws CodedError as {@link tilePath} */
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

/** Undefined unless {@link tilePath} or {@link entryBundlePath} would write this path. See {@link treeHasTile}. */
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
  // Rejects other spellings of the same tile, like `x000/001` or `000.p/256`.
  const canonical = resource.kind === 'entries' ? entryBundlePath(resource.bundle) : tilePath(resource.tile);
  return canonical === path ? resource : undefined;
}

function hashesAt(size: bigint, level: number): bigint {
  return size >> (tileHeight * BigInt(level));
}

/** For a bundle use level 0. */
export function treeHasTile(size: bigint, tile: Tile): boolean {
  return tile.index * BigInt(tileWidth) + BigInt(tile.width) <= hashesAt(size, tile.level);
}

/** 256, less at the right edge, 0 beyond it. */
export function widthInTree(size: bigint, place: { readonly level: number; readonly index: bigint }): number {
  const width = hashesAt(size, place.level) - place.index * BigInt(tileWidth);
  return width <= 0n ? 0 : width >= BigInt(tileWidth) ? tileWidth : Number(width);
}

/** Tiles that became full between two sizes: lower levels first, then left to right. */
export function* completedTiles(growth: { readonly from: bigint; readonly to: bigint }): Generator<Tile, void> {
  for (let level = 0; hashesAt(growth.to, level + 1) > 0n; level++) {
    const end = hashesAt(growth.to, level + 1);
    for (let index = hashesAt(growth.from, level + 1); index < end; index++) yield { level, index, width: tileWidth };
  }
}

/** Lower levels first; empty ones do not exist ("Partial Tiles"). */
export function partialTiles(size: bigint): Tile[] {
  const tiles: Tile[] = [];
  for (let level = 0; hashesAt(size, level) > 0n; level++) {
    const index = hashesAt(size, level + 1);
    const width = widthInTree(size, { level, index });
    if (width > 0) tiles.push({ level, index, width });
  }
  return tiles;
}

/** Hash number `index` of the level above. @param tile exactly 8192 bytes */
export function tileRoot(tile: Uint8Array): Buffer {
  if (tile.length !== fullTileSize) throw merkleLogErrors.error('tile_corrupt', 'A full tile is 8192 bytes long.');
  return hashPerfectSubtree(tile);
}
