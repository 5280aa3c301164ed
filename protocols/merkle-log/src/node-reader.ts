import { merkleLogErrors } from './errors.ts';
import { hashPerfectSubtree, hashSize } from './hashing.ts';
import type { NodeId } from './nodes.ts';
import { type Tile, tileRoot, tileWidth, widthInTree } from './tiles.ts';

/** 32 bytes times the width, from storage or from `tilePath(tile)` over HTTP. */
export type ReadTile = (tile: Tile) => Promise<Uint8Array>;

export interface TileStorage {
  /** 8192 bytes. */
  readFullTile(level: number, index: bigint): Promise<Uint8Array>;
  /** Concatenated hashes of the leaves `[first, first + count)`, at most 255. */
  readLeafHashes(first: bigint, count: number): Promise<Uint8Array>;
}

/** A busy log stores the roots of partial tiles (`tileRoot`): computing one takes up to 255 reads. */
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
 * Reads each tile and computes each subtree at most once per call. @returns a reader for `proveInclusion`,
 * `proveConsistency` and `Frontier.restore` that throws CodedError `proof_out_of_range` or `tile_corrupt`
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
      // Tiles hold every eighth level; nodes in between are computed from the hashes below.
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
