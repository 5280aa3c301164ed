import { merkleLogErrors } from './errors.ts';
import { hashPerfectSubtree, hashSize } from './hashing.ts';
import type { NodeId } from './nodes.ts';
import { type Tile, tileRoot, tileWidth, widthInTree } from './tiles.ts';

/** Reads a tile's hashes: 32 bytes times its width. From storage, or over HTTP at `tilePath(tile)`. */
export type ReadTile = (tile: Tile) => Promise<Uint8Array>;

/** What a log stores: full tiles of every level, and the hash of each leaf. */
export interface TileStorage {
  /** A full tile: 8192 bytes. */
  readFullTile(level: number, index: bigint): Promise<Uint8Array>;
  /** The concatenated hashes of the leaves `[first, first + count)`, at most 255. */
  readLeafHashes(first: bigint, count: number): Promise<Uint8Array>;
}

/**
 * Reads any tile, partial ones too, from storage that keeps only full tiles and leaf hashes: a hash at a partial
 * tile's place is the root of a full tile one level below. That is up to 255 reads above level 0, so a log under
 * load keeps these roots where it can find them (`tileRoot`, when a tile completes) and reads partial tiles there.
 */
export function tilesFromStorage(storage: TileStorage): ReadTile {
  return async ({ level, index, width }) => {
    if (width === tileWidth) return storage.readFullTile(level, index);
    const first = index * BigInt(tileWidth);
    if (level === 0) return storage.readLeafHashes(first, width);
    const roots: Buffer[] = [];
    for (let offset = 0; offset < width; offset++)
      roots.push(tileRoot(await storage.readFullTile(level - 1, first + BigInt(offset))));
    return Buffer.concat(roots);
  };
}

/**
 * Resolves the hash of any complete subtree of the tree of `size` entries, reading each tile and folding each subtree at
 * most once a call: proofs of several entries meet further up, where most of the hashing is.
 *
 * @returns a reader for `proveInclusion`, `proveConsistency` and `Frontier.restore`. It throws CodedError
 *   `proof_out_of_range` for a node the tree does not have, `tile_corrupt` for a tile of the wrong length.
 */
export function createNodeReader(tree: { readonly size: bigint; readonly readTile: ReadTile }) {
  return async (nodes: readonly NodeId[]): Promise<Buffer[]> => {
    const tiles = new Map<string, Promise<Uint8Array>>();
    const read = (level: number, index: bigint): Promise<Uint8Array> => {
      const place = `${level}/${index}`;
      const known = tiles.get(place);
      if (known !== undefined) return known;
      const reading = readWhole(tree, { level, index });
      tiles.set(place, reading);
      return reading;
    };
    const fold = async (node: NodeId): Promise<Buffer> => {
      if ((node.index + 1n) << BigInt(node.level) > tree.size)
        throw merkleLogErrors.error('proof_out_of_range', 'The tree of this size does not have this subtree.');
      // Tiles hold every eighth level; a node between two of them is folded from the hashes below it.
      const height = node.level % 8;
      const first = node.index << BigInt(height);
      const tile = await read((node.level - height) / 8, first / BigInt(tileWidth));
      const offset = Number(first % BigInt(tileWidth));
      return hashPerfectSubtree(tile.subarray(offset * hashSize, (offset + 2 ** height) * hashSize));
    };
    const folded = new Map<string, Promise<Buffer>>();
    return Promise.all(
      nodes.map((node) => {
        const place = `${node.level}/${node.index}`;
        const known = folded.get(place);
        if (known !== undefined) return known;
        const folding = fold(node);
        folded.set(place, folding);
        return folding;
      }),
    );
  };
}

async function readWhole(
  tree: { readonly size: bigint; readonly readTile: ReadTile },
  place: { readonly level: number; readonly index: bigint },
): Promise<Uint8Array> {
  const tile = { ...place, width: widthInTree(tree.size, place) };
  const hashes = await tree.readTile(tile);
  if (hashes.length !== tile.width * hashSize)
    throw merkleLogErrors.error('tile_corrupt', 'A stored tile does not have the length its width asks for.');
  return hashes;
}
