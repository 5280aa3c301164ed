import { auditLogErrors } from '@countersign/contracts';
import { type Generations, parseInstant } from '@countersign/kernel';
import {
  assembleProof,
  coverRange,
  createNodeReader,
  Frontier,
  hashSize,
  type NodeId,
  partialTiles,
  planConsistency,
  planInclusion,
  type Tile,
  tileWidth,
} from '@countersign/merkle-log';
import { RightEdge } from './right-edge.ts';
import type { LogStore } from './store.ts';

/** Proofs read together share tiles; this bounds their number. */
const proofsAtOnce = 64;

/** The tree at any size it ever had. @param known cached tiles; verification reads without a cache */
export function createTreeReader(store: LogStore, known?: Generations<string, Buffer>) {
  /**
   * Full tiles as stored; partial ones from the level below. @throws CodedError `log_inconsistent` if rows are missing
   */
  async function readTile(tile: Tile): Promise<Buffer> {
    if (known === undefined) return readStoredTile(tile);
    const place = `${tile.level}/${tile.index}/${tile.width}`;
    return known.get(place) ?? known.keep(place, await readStoredTile(tile));
  }

  async function readStoredTile({ level, index, width }: Tile): Promise<Buffer> {
    const first = index * BigInt(tileWidth);
    const hashes =
      width === tileWidth
        ? (await store.tile(level, index))?.hashes
        : Buffer.concat(
            level === 0 ? await store.leafHashes(first, width) : await store.tileRoots(level - 1, first, width),
          );
    if (hashes?.length !== width * hashSize)
      throw auditLogErrors.error(
        'log_inconsistent',
        `The stored log has a hole: tile ${level}/${index} is not complete.`,
      );
    return hashes;
  }

  function hashesAt(size: bigint): (nodes: readonly NodeId[]) => Promise<readonly Buffer[]> {
    return createNodeReader({ size, readTile });
  }

  return {
    readTile,

    async rootAt(size: bigint): Promise<Buffer> {
      return Frontier.restore({ size, hashes: await hashesAt(size)(coverRange({ begin: 0n, end: size })) }).root();
    },

    async proveConsistency(from: bigint, to: bigint): Promise<readonly Buffer[]> {
      const plan = planConsistency({ from, to });
      return assembleProof(plan, await hashesAt(to)(plan.flat()));
    },

    async proveInclusions(indices: readonly bigint[], size: bigint): Promise<readonly (readonly Buffer[])[]> {
      const proofs: Buffer[][] = [];
      for (let start = 0; start < indices.length; start += proofsAtOnce) {
        const plans = indices.slice(start, start + proofsAtOnce).map((index) => planInclusion({ index, size }));
        const hashes = await hashesAt(size)(plans.flat(2));
        let taken = 0;
        for (const plan of plans) {
          const count = plan.flat().length;
          proofs.push(assembleProof(plan, hashes.slice(taken, taken + count)));
          taken += count;
        }
      }
      return proofs;
    },

    /** `lastTime` in milliseconds; 0 for an empty tree. */
    async headAt(size: bigint): Promise<LogHead> {
      if (size === 0n) return { edge: RightEdge.empty, lastTime: 0 };
      const levels = Array.from({ length: levelsOf(size) }, (): Buffer[] => []);
      for (const tile of partialTiles(size)) levels[tile.level] = split(await readTile(tile));
      const edge = RightEdge.restore(size, levels);
      const [last] = await store.sealedEntries(size - 1n, 1);
      const lastTime = last?.recordedAt ?? parseInstant(last?.time ?? '');
      if (edge === undefined || lastTime === undefined)
        throw auditLogErrors.error(
          'log_inconsistent',
          `The stored log cannot be continued: its entry ${size - 1n} is damaged.`,
        );
      return { edge, lastTime };
    },
  };
}

export interface LogHead {
  readonly edge: RightEdge;
  readonly lastTime: number;
}

export type TreeReader = ReturnType<typeof createTreeReader>;

function levelsOf(size: bigint): number {
  let levels = 0;
  while (size >> (8n * BigInt(levels)) > 0n) levels++;
  return levels;
}

function split(hashes: Buffer): Buffer[] {
  return Array.from({ length: hashes.length / hashSize }, (_, position) =>
    hashes.subarray(position * hashSize, (position + 1) * hashSize),
  );
}
