import { auditLogErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import {
  coverRange,
  createNodeReader,
  Frontier,
  fullTileSize,
  hashSize,
  partialTiles,
  type Tile,
  tilePath,
  tileRoot,
  tileWidth,
  widthInTree,
} from '@countersign/merkle-log';
import type { Head } from './head-guard.ts';

export type TileSource = (tile: Tile) => Promise<Uint8Array | undefined>;

/** A walk from left to right needs one inner tile of each level. */
const keptTiles = 256;

/** @param held full tiles that exist @throws CodedError `log_copy_unverified`; `log_inconsistent` for a held tile */
export async function verifiedTiles(request: {
  readonly head: Head;
  readonly source: TileSource;
  readonly held?: TileSource;
}) {
  const { head, source, held } = request;
  const { size, root } = head;
  const edge = new Map<string, Uint8Array>();
  for (const tile of partialTiles(size)) edge.set(tilePath(tile), await fetched(source, tile));
  const edgeRoot = Frontier.restore({
    size,
    hashes: await createNodeReader({
      size,
      readTile: async (tile) => edge.get(tilePath(tile)) ?? raise(tile, 'is not at the edge'),
    })(coverRange({ begin: 0n, end: size })),
  }).root();
  if (Buffer.compare(edgeRoot, root) !== 0)
    throw unverified(`The tiles at the edge of ${size} records do not have the root that was signed.`);

  const kept = new Map<string, Promise<Uint8Array>>();

  async function read(place: { readonly level: number; readonly index: bigint }): Promise<Uint8Array> {
    const width = widthInTree(size, place);
    if (width === 0) raise({ ...place, width: 1 }, 'is not in the tree');
    const tile = { ...place, width };
    const atEdge = edge.get(tilePath(tile));
    if (atEdge !== undefined) return atEdge;
    const path = tilePath(tile);
    const known = kept.get(path);
    if (known !== undefined) return known;
    const reading = readFull(tile);
    // Leaves are read once; the tiles above them many times.
    if (place.level > 0) {
      if (kept.size >= keptTiles) for (const oldest of [...kept.keys()].slice(0, keptTiles / 2)) kept.delete(oldest);
      kept.set(path, reading);
      reading.catch(() => kept.delete(path));
    }
    return reading;
  }

  async function readFull(tile: Tile): Promise<Uint8Array> {
    const parent = await read({ level: tile.level + 1, index: tile.index / BigInt(tileWidth) });
    const at = Number(tile.index % BigInt(tileWidth)) * hashSize;
    const belongs = (hashes: Uint8Array): boolean =>
      hashes.length === fullTileSize && tileRoot(hashes).equals(parent.subarray(at, at + hashSize));
    const there = await held?.(tile);
    if (there !== undefined) {
      if (belongs(there)) return there;
      throw auditLogErrors.error(
        'log_inconsistent',
        `${tilePath(tile)} of the folder differs from the log: it was changed, or belongs to another log.`,
      );
    }
    const hashes = await fetched(source, tile);
    return belongs(hashes) ? hashes : raise(tile, 'does not have the hash that the tile above has for it');
  }

  return {
    read,
    async rootAt(smaller: bigint): Promise<Buffer> {
      const hashes = createNodeReader({ size, readTile: read })(coverRange({ begin: 0n, end: smaller }));
      return Frontier.restore({ size: smaller, hashes: await hashes }).root();
    },
  };
}

async function fetched(source: TileSource, tile: Tile): Promise<Uint8Array> {
  const hashes = await source(tile);
  if (hashes === undefined) return raise(tile, 'is not to be had');
  if (hashes.length !== tile.width * hashSize) return raise(tile, 'does not have its width');
  return hashes;
}

function raise(tile: Tile, what: string): never {
  throw unverified(`The tile ${tilePath(tile)} ${what}.`);
}

export function unverified(detail: string): CodedError {
  return auditLogErrors.error('log_copy_unverified', detail);
}
