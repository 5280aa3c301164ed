import { isCodedError } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  completedTiles,
  entryBundlePath,
  maxTreeSize,
  parseTilePath,
  partialTiles,
  tilePath,
  tileRoot,
  treeHasTile,
  widthInTree,
} from './index.ts';
import { distinctLeaves, naiveRoot } from './testing/naive-tree.ts';

const anyTile = fc.record({
  level: fc.integer({ min: 0, max: 63 }),
  index: fc.bigInt({ min: 0n, max: maxTreeSize }),
  width: fc.integer({ min: 1, max: 256 }),
});

describe('tile paths', () => {
  it('follow the specification', () => {
    expect(tilePath({ level: 0, index: 1234067n, width: 256 })).toBe('tile/0/x001/x234/067');
    expect(tilePath({ level: 0, index: 273n, width: 112 })).toBe('tile/0/273.p/112');
    expect(tilePath({ level: 63, index: 0n, width: 1 })).toBe('tile/63/000.p/1');
    expect(tilePath({ level: 1, index: 1000n, width: 256 })).toBe('tile/1/x001/000');
    expect(entryBundlePath({ index: 999n, width: 255 })).toBe('tile/entries/999.p/255');
  });

  it('are read back as written', () => {
    fc.assert(
      fc.property(anyTile, (tile) => {
        expect(parseTilePath(tilePath(tile))).toEqual({ kind: 'tile', tile });
        const bundle = { index: tile.index, width: tile.width };
        expect(parseTilePath(entryBundlePath(bundle))).toEqual({ kind: 'entries', bundle });
      }),
    );
  });

  it('have one spelling: every other one is refused', () => {
    const refused = [
      '',
      'tile',
      '/tile/0/000',
      'tile/0/000/',
      'tile/0/0',
      'tile/0/00',
      'tile/0/0000',
      'tile/00/000',
      'tile/64/000',
      'tile/-1/000',
      'tile/+1/000',
      'tile/0/x000/001',
      'tile/0/x001',
      'tile/0/001/002',
      'tile/0/x01/002',
      'tile/0/X001/002',
      'tile/0/000.p/0',
      'tile/0/000.p/01',
      'tile/0/000.p/256',
      'tile/0/000.p/999',
      'tile/0/000.p',
      'tile/0/000.p/',
      'tile/0/000.p/1\n',
      'tile/0/000\n',
      'tile/0/٠٠٠',
      'tile/Entries/000',
      'tile/entries/../0/000',
      'tile/0/x999/x999/x999/x999/x999/x999/x999/999',
      'tile/0/x999/x999/x999/x999/x999/x999/999',
    ];
    for (const path of refused) expect(parseTilePath(path), path).toBeUndefined();
  });

  it('read any text as undefined or as a path that is written the same', () => {
    const pieces = fc.constantFrom('tile/', '0', '1', '9', '/', 'x', '.p/', 'entries', '000', '255', '256');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces, { maxLength: 9 }).map((parts) => `tile/${parts.join('')}`),
        ),
        (path) => {
          const resource = parseTilePath(path);
          if (resource === undefined) return;
          expect(resource.kind === 'tile' ? tilePath(resource.tile) : entryBundlePath(resource.bundle)).toBe(path);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('are not written for impossible tiles', () => {
    const tiles = [
      { level: 64, index: 0n, width: 1 },
      { level: -1, index: 0n, width: 1 },
      { level: 0.5, index: 0n, width: 1 },
      { level: 0, index: -1n, width: 1 },
      { level: 0, index: maxTreeSize + 1n, width: 1 },
      { level: 0, index: 0n, width: 0 },
      { level: 0, index: 0n, width: 257 },
    ];
    for (const tile of tiles)
      expect(() => tilePath(tile)).toThrow(expect.toSatisfy((e) => isCodedError(e, 'tile_out_of_range')));
  });
});

describe('tiles of a tree', () => {
  it('match the specification for 70,000 entries', () => {
    const full = [...completedTiles({ from: 0n, to: 70_000n })];
    expect(full.filter((tile) => tile.level === 0)).toHaveLength(273);
    expect(full.filter((tile) => tile.level === 1)).toEqual([{ level: 1, index: 0n, width: 256 }]);
    expect(full).toHaveLength(274);
    expect(partialTiles(70_000n)).toEqual([
      { level: 0, index: 273n, width: 112 },
      { level: 1, index: 1n, width: 17 },
      { level: 2, index: 0n, width: 1 },
    ]);
  });

  it('are never empty: 256 entries have a full tile and one hash above it', () => {
    expect([...completedTiles({ from: 0n, to: 256n })]).toEqual([{ level: 0, index: 0n, width: 256 }]);
    expect(partialTiles(256n)).toEqual([{ level: 1, index: 0n, width: 1 }]);
    expect(partialTiles(0n)).toEqual([]);
  });

  it('complete once each, in whatever steps the tree grows', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 6 });
    fc.assert(
      fc.property(steps, (growths) => {
        let size = 0n;
        const paths: string[] = [];
        for (const growth of growths) {
          const to = size + BigInt(growth);
          for (const tile of completedTiles({ from: size, to })) {
            expect(treeHasTile(to, tile)).toBe(true);
            expect(treeHasTile(size, tile)).toBe(false);
            paths.push(tilePath(tile));
          }
          size = to;
        }
        const atOnce = [...completedTiles({ from: 0n, to: size })].map(tilePath);
        expect(paths.sort()).toEqual(atOnce.sort());
      }),
    );
  });

  it('exist up to their width in the tree and no further', () => {
    fc.assert(
      fc.property(anyTile, fc.bigInt({ min: 0n, max: maxTreeSize }), ({ level, index, width }, size) => {
        const there = widthInTree(size, { level, index });
        expect(treeHasTile(size, { level, index, width })).toBe(width <= there);
      }),
    );
    expect(widthInTree(70_000n, { level: 0, index: 272n })).toBe(256);
    expect(widthInTree(70_000n, { level: 0, index: 273n })).toBe(112);
    expect(widthInTree(70_000n, { level: 0, index: 274n })).toBe(0);
  });

  it('have the root of the subtree they span', () => {
    const leaves = distinctLeaves(256);
    expect(tileRoot(Buffer.concat(leaves))).toEqual(naiveRoot(leaves));
    expect(() => tileRoot(Buffer.alloc(8191))).toThrow(expect.toSatisfy((e) => isCodedError(e, 'tile_corrupt')));
  });
});
