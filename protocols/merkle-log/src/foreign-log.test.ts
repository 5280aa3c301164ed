import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  createNodeReader,
  decodeEntryBundle,
  emptyRoot,
  entryBundlePath,
  Frontier,
  formatCheckpoint,
  formatTlogProof,
  hashLeaf,
  parseTilePath,
  parseVerifierKey,
  proveConsistency,
  proveInclusion,
  tilePath,
  verifyCheckpoint,
  verifyConsistency,
  verifyInclusion,
  verifyTlogProof,
} from './index.ts';
import { filesBelow, hasVectors, unpackVectors } from './testing/vectors.ts';

const archive = 'tlog-tiles/log-0-15.tar.gz';
const origin = 'example.com/log/testdata';
const vkey = 'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx';

describe.skipIf(!hasVectors(archive))('a log of another implementation (skipped without the vectors folder)', () => {
  const root = hasVectors(archive) ? join(unpackVectors(archive), 'log') : '';
  const paths = root === '' ? [] : filesBelow(root);
  const sizes = Array.from({ length: 15 }, (_, index) => index + 1);
  const checkpointSizes = paths.filter((path) => path.startsWith('checkpoint.')).map((path) => Number(path.slice(11)));

  const key = parseVerifierKey(vkey);
  const logKeys = key.ok ? [key.key] : [];
  const signedCheckpoint = (size: number) => readFileSync(join(root, `checkpoint.${size}`));

  function entriesOf(size: number): readonly Buffer[] {
    const bundle = decodeEntryBundle(readFileSync(join(root, entryBundlePath({ index: 0n, width: size }))), size);
    return bundle.ok ? bundle.entries : [];
  }
  const leafHashes = (size: number) => entriesOf(size).map(hashLeaf);
  const rootAt = (size: number) => Frontier.empty.append(leafHashes(size)).root();
  const readHashes = (size: number) =>
    createNodeReader({ size: BigInt(size), readTile: async (tile) => readFileSync(join(root, tilePath(tile))) });

  it('has only tile paths that are read and written the same', () => {
    const tiles = paths.filter((path) => path.startsWith('tile/'));
    expect(tiles).toHaveLength(30);
    for (const path of tiles) {
      const resource = parseTilePath(path);
      expect(resource?.kind === 'tile' ? tilePath(resource.tile) : resource && entryBundlePath(resource.bundle)).toBe(
        path,
      );
    }
  });

  it('has checkpoints that verify, over the roots of its entries', () => {
    expect(checkpointSizes.length).toBeGreaterThan(10);
    for (const size of checkpointSizes) {
      const verdict = verifyCheckpoint({ signedNote: signedCheckpoint(size), origin, logKeys });
      if (!verdict.ok) expect.fail(`checkpoint ${size}: ${verdict.reason}`);
      expect(verdict.checkpoint.size).toBe(BigInt(size));
      expect(verdict.checkpoint.root).toEqual(size === 0 ? emptyRoot() : rootAt(size));
      expect(formatCheckpoint(verdict.checkpoint)).toBe(verdict.note.text);
    }
  });

  it('has tiles that are byte for byte the hashes of its entries', () => {
    for (const size of sizes) {
      const tile = readFileSync(join(root, tilePath({ level: 0, index: 0n, width: size })));
      expect(Buffer.concat(leafHashes(size))).toEqual(tile);
      expect(entriesOf(size)).toEqual(entriesOf(15).slice(0, size));
    }
  });

  it('is consistent between all pairs of sizes, proven from its tiles', async () => {
    for (const to of sizes) {
      for (const from of sizes.slice(0, to)) {
        const pair = { from: BigInt(from), to: BigInt(to) };
        const proof = await proveConsistency({ ...pair, readHashes: readHashes(to) });
        expect(verifyConsistency({ ...pair, proof, fromRoot: rootAt(from), toRoot: rootAt(to) })).toEqual({ ok: true });
      }
    }
  });

  it('includes each entry in each tree, proven from its tiles', async () => {
    for (const size of sizes) {
      for (const [index, leafHash] of leafHashes(size).entries()) {
        const at = { index: BigInt(index), size: BigInt(size) };
        const proof = await proveInclusion({ ...at, readHashes: readHashes(size) });
        expect(verifyInclusion({ ...at, leafHash, proof, root: rootAt(size) })).toEqual({ ok: true });
      }
    }
  });

  it('gives a proof file that verifies with its published key', async () => {
    const hashes = await proveInclusion({ index: 4n, size: 15n, readHashes: readHashes(15) });
    const file = formatTlogProof({ index: 4n, hashes, checkpoint: signedCheckpoint(15).toString() });
    const leafHash = leafHashes(15)[4] ?? emptyRoot();
    expect(verifyTlogProof({ file, leafHash, origin, logKeys })).toMatchObject({ ok: true, index: 4n });
  });
});
