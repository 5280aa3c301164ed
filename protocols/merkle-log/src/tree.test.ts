import { isCodedError } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coverRange, Frontier, maxTreeSize } from './index.ts';
import { distinctLeaves, naiveRoot } from './testing/naive-tree.ts';

const leaves = distinctLeaves(600);

describe('frontier', () => {
  it('has the root of the naive tree, however the leaves are batched', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 80 }), { maxLength: 7 }), (batches) => {
        let frontier = Frontier.empty;
        let size = 0;
        for (const batch of batches) {
          frontier = frontier.append(leaves.slice(size, size + batch));
          size += batch;
          expect(frontier.size).toBe(BigInt(size));
          expect(frontier.root()).toEqual(naiveRoot(leaves.slice(0, size)));
        }
      }),
    );
  });

  it('continues from a saved state as if it had never stopped', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), (before, after) => {
        const stopped = Frontier.empty.append(leaves.slice(0, before));
        const restored = Frontier.restore(stopped.state());
        const more = leaves.slice(before, before + after);
        expect(restored.append(more).state()).toEqual(stopped.append(more).state());
        expect(restored.append(more).root()).toEqual(naiveRoot(leaves.slice(0, before + after)));
      }),
    );
  });

  it('does not change when it is appended to, so a failed commit leaves nothing behind', () => {
    const adopted = Frontier.empty.append(leaves.slice(0, 7));
    const root = adopted.root();
    adopted.append(leaves.slice(7, 300));
    expect(adopted.size).toBe(7n);
    expect(adopted.root()).toEqual(root);
    expect(adopted.append(leaves.slice(7, 8)).root()).toEqual(naiveRoot(leaves.slice(0, 8)));
  });

  it('does not depend on buffers that its caller changes afterwards', () => {
    const leaf = Buffer.from(leaves[0] ?? []);
    const frontier = Frontier.empty.append([leaf]);
    leaf.fill(0);
    frontier.root().fill(0);
    for (const hash of frontier.state().hashes) hash.fill(0);
    expect(frontier.root()).toEqual(leaves[0]);
    const kept = frontier.state();
    const restored = Frontier.restore(kept);
    kept.hashes[0]?.fill(0);
    expect(restored.root()).toEqual(leaves[0]);
  });

  it('refuses a saved state whose hashes cannot be those of its size', () => {
    const { hashes } = Frontier.empty.append(leaves.slice(0, 7)).state();
    const states = [
      { size: 7n, hashes: hashes.slice(1) },
      { size: 7n, hashes: [...hashes, ...hashes.slice(1)] },
      { size: 8n, hashes },
      { size: 7n, hashes: [...hashes.slice(1), Buffer.alloc(31)] },
      { size: -1n, hashes: [] },
      { size: maxTreeSize + 1n, hashes: hashes.slice(0, 1) },
    ];
    for (const state of states)
      expect(() => Frontier.restore(state)).toThrow(expect.toSatisfy((e) => isCodedError(e, 'frontier_corrupt')));
  });

  it('refuses leaf hashes that are not 32 bytes', () => {
    expect(() => Frontier.empty.append([Buffer.alloc(33)])).toThrow('32 bytes');
  });

  it('appends at sizes that a double cannot hold', () => {
    const size = 2n ** 63n - 1n;
    const hashes = coverRange({ begin: 0n, end: size }).map((_, position) => Buffer.alloc(32, position));
    const next = Frontier.restore({ size, hashes }).append([Buffer.alloc(32, 0xff)]);
    expect(next.size).toBe(2n ** 63n);
    expect(next.state().hashes).toHaveLength(1);
    const full = Frontier.restore({ size: maxTreeSize, hashes: [Buffer.alloc(32), ...hashes] });
    expect(() => full.append([Buffer.alloc(32)])).toThrow('2^64 - 1');
  });

  it('has one root for a million leaves, appended at once or in a thousand batches', () => {
    const million = Array.from({ length: 1_000_000 }, (_, index) => leaves[index % leaves.length] ?? Buffer.alloc(32));
    const frontier = Frontier.empty.append(million);
    expect(frontier.size).toBe(1_000_000n);
    let batched = Frontier.empty;
    for (let batch = 0; batch < 1_000_000; batch += 1000) batched = batched.append(million.slice(batch, batch + 1000));
    expect(batched.root()).toEqual(frontier.root());
  });
});
