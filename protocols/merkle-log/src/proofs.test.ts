import { isCodedError } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assembleProof,
  completedTiles,
  coverRange,
  createNodeReader,
  Frontier,
  maxTreeSize,
  planConsistency,
  planInclusion,
  proveConsistency,
  proveInclusion,
  type ReadHashes,
  type ReadTile,
  tileRoot,
  tilesFromStorage,
  verifyConsistency,
  verifyInclusion,
} from './index.ts';
import { distinctLeaves, naivePath, naiveProof, naiveRoot } from './testing/naive-tree.ts';

const leaves = distinctLeaves(300);
const fromLeaves: ReadHashes = (nodes) =>
  nodes.map(({ level, index }) => {
    const begin = Number(index) * 2 ** level;
    return naiveRoot(leaves.slice(begin, begin + 2 ** level));
  });

/** A log as stored: full tiles, and the hash of each leaf. */
function storeLog(size: number): { readonly leafHashes: readonly Buffer[]; readonly readTile: ReadTile } {
  const leafHashes = distinctLeaves(size);
  const full = new Map<string, Buffer>();
  for (const { level, index } of completedTiles({ from: 0n, to: BigInt(size) })) {
    const parts = Array.from({ length: 256 }, (_, offset) => {
      const at = Number(index) * 256 + offset;
      return level === 0 ? leafHashes[at] : tileRoot(full.get(`${level - 1}/${at}`) ?? Buffer.alloc(0));
    });
    full.set(`${level}/${index}`, Buffer.concat(parts.filter((part) => part !== undefined)));
  }
  const readTile = tilesFromStorage({
    readFullTile: async (level, index) => full.get(`${level}/${index}`) ?? Buffer.alloc(0),
    readLeafHashes: async (first, count) => Buffer.concat(leafHashes.slice(Number(first), Number(first) + count)),
  });
  return { leafHashes, readTile };
}

describe('inclusion proofs', () => {
  it('are those of RFC 6962 section 2.1.1, for every entry of every small tree', async () => {
    for (let size = 1; size <= 40; size++) {
      for (let index = 0; index < size; index++) {
        const proof = await proveInclusion({ index: BigInt(index), size: BigInt(size), readHashes: fromLeaves });
        expect(proof).toEqual(naivePath(index, leaves.slice(0, size)));
      }
    }
  });

  it('verify', async () => {
    const claim = fc.integer({ min: 1, max: 300 }).chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 1)));
    await fc.assert(
      fc.asyncProperty(claim, async ([size, index]) => {
        const at = { index: BigInt(index), size: BigInt(size) };
        const proof = await proveInclusion({ ...at, readHashes: fromLeaves });
        const root = naiveRoot(leaves.slice(0, size));
        expect(verifyInclusion({ ...at, proof, root, leafHash: leaves[index] ?? root })).toEqual({ ok: true });
      }),
    );
  });

  it('are refused for an entry outside the tree', async () => {
    for (const [index, size] of [
      [0n, 0n],
      [3n, 3n],
      [-1n, 3n],
      [0n, maxTreeSize + 1n],
    ] as const)
      await expect(proveInclusion({ index, size, readHashes: fromLeaves })).rejects.toSatisfy((e) =>
        isCodedError(e, 'proof_out_of_range'),
      );
  });

  it('are planned for the largest trees with at most 64 hashes', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: maxTreeSize - 1n }), (index) => {
        expect(planInclusion({ index, size: maxTreeSize }).length).toBeLessThanOrEqual(64);
      }),
    );
  });
});

describe('consistency proofs', () => {
  it('are those of RFC 6962 section 2.1.2, between all small trees', async () => {
    for (let to = 1; to <= 40; to++) {
      for (let from = 1; from <= to; from++) {
        const proof = await proveConsistency({ from: BigInt(from), to: BigInt(to), readHashes: fromLeaves });
        expect(proof).toEqual(naiveProof(from, leaves.slice(0, to)));
      }
    }
  });

  it('verify', async () => {
    const sizes = fc
      .integer({ min: 1, max: 300 })
      .chain((to) => fc.tuple(fc.integer({ min: 1, max: to }), fc.constant(to)));
    await fc.assert(
      fc.asyncProperty(sizes, async ([from, to]) => {
        const pair = { from: BigInt(from), to: BigInt(to) };
        const proof = await proveConsistency({ ...pair, readHashes: fromLeaves });
        const roots = { fromRoot: naiveRoot(leaves.slice(0, from)), toRoot: naiveRoot(leaves.slice(0, to)) };
        expect(verifyConsistency({ ...pair, ...roots, proof })).toEqual({ ok: true });
      }),
    );
  });

  it('are empty from an empty tree and between equal sizes, and refused to a smaller tree', () => {
    expect(planConsistency({ from: 0n, to: 9n })).toEqual([]);
    expect(planConsistency({ from: 9n, to: 9n })).toEqual([]);
    expect(() => planConsistency({ from: 9n, to: 8n })).toThrow(
      expect.toSatisfy((e) => isCodedError(e, 'proof_out_of_range')),
    );
  });

  it('are planned for the largest trees with at most 65 hashes', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: maxTreeSize }), (from) => {
        expect(planConsistency({ from, to: maxTreeSize }).length).toBeLessThanOrEqual(65);
      }),
    );
  });
});

describe('a proof being built', () => {
  it('stops if the stored tree returns too few or broken hashes', () => {
    const plan = planInclusion({ index: 0n, size: 4n });
    for (const hashes of [[], [Buffer.alloc(32)], [Buffer.alloc(32), Buffer.alloc(31)]])
      expect(() => assembleProof(plan, hashes)).toThrow(expect.toSatisfy((e) => isCodedError(e, 'tile_corrupt')));
  });
});

describe('nodes from tiles', () => {
  const size = 70_000;
  const { leafHashes, readTile } = storeLog(size);
  const root = Frontier.empty.append(leafHashes).root();

  it('prove entries at every kind of position in a tree of three tile levels', async () => {
    const readHashes = createNodeReader({ size: BigInt(size), readTile });
    for (const index of [0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999]) {
      const proof = await proveInclusion({ index: BigInt(index), size: BigInt(size), readHashes });
      const leafHash = leafHashes[index] ?? root;
      expect(verifyInclusion({ index: BigInt(index), size: BigInt(size), leafHash, proof, root })).toEqual({
        ok: true,
      });
    }
  });

  it('prove consistency with any older size', async () => {
    const readHashes = createNodeReader({ size: BigInt(size), readTile });
    const older = fc.oneof(fc.integer({ min: 1, max: size }), fc.constantFrom(255, 256, 257, 65_535, 65_536, 65_537));
    await fc.assert(
      fc.asyncProperty(older, async (from) => {
        const proof = await proveConsistency({ from: BigInt(from), to: BigInt(size), readHashes });
        const fromRoot = Frontier.empty.append(leafHashes.slice(0, from)).root();
        expect(verifyConsistency({ from: BigInt(from), to: BigInt(size), fromRoot, toRoot: root, proof })).toEqual({
          ok: true,
        });
      }),
      { numRuns: 25 },
    );
  });

  it('prove in an older tree from the tiles of a larger one', async () => {
    const readHashes = createNodeReader({ size: BigInt(size), readTile });
    const proof = await proveInclusion({ index: 300n, size: 301n, readHashes });
    const claim = { index: 300n, size: 301n, proof, leafHash: leafHashes[300] ?? root };
    expect(verifyInclusion({ ...claim, root: naiveRoot(leafHashes.slice(0, 301)) })).toEqual({ ok: true });
  });

  it('restore the frontier of the tree', async () => {
    const readHashes = createNodeReader({ size: BigInt(size), readTile });
    const hashes = await readHashes(coverRange({ begin: 0n, end: BigInt(size) }));
    expect(Frontier.restore({ size: BigInt(size), hashes }).root()).toEqual(root);
  });

  it('read each tile once for a proof', async () => {
    const asked: string[] = [];
    const readHashes = createNodeReader({
      size: BigInt(size),
      readTile: async (tile) => {
        asked.push(`${tile.level}/${tile.index}/${tile.width}`);
        return readTile(tile);
      },
    });
    await proveInclusion({ index: 0n, size: BigInt(size), readHashes });
    expect(asked.sort()).toEqual(['0/0/256', '0/273/112', '1/0/256', '1/1/17'].sort());
  });

  it('stop at a node beyond the tree and at a tile of the wrong length', async () => {
    const readHashes = createNodeReader({ size: 256n, readTile });
    await expect(readHashes([{ level: 0, index: 256n }])).rejects.toSatisfy((e) =>
      isCodedError(e, 'proof_out_of_range'),
    );
    await expect(readHashes([{ level: 9, index: 0n }])).rejects.toSatisfy((e) => isCodedError(e, 'proof_out_of_range'));
    const broken = createNodeReader({ size: 256n, readTile: async () => Buffer.alloc(8191) });
    await expect(broken([{ level: 0, index: 0n }])).rejects.toSatisfy((e) => isCodedError(e, 'tile_corrupt'));
  });
});
