import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashPerfectSubtree } from './hashing.ts';
import { emptyRoot, Frontier, hashChildren, hashLeaf } from './index.ts';
import { distinctLeaves, naiveLeafHash, naiveRoot } from './testing/naive-tree.ts';

// The eight entries and roots that the Certificate Transparency implementations share as test data.
const knownEntries = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];
const knownRoots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

describe('hashing', () => {
  it('gives the known roots of the first eight trees', () => {
    const leaves = knownEntries.map((entry) => hashLeaf(Buffer.from(entry, 'hex')));
    const roots = knownRoots.map((_, size) => Frontier.empty.append(leaves.slice(0, size)).root().toString('hex'));
    expect(roots).toEqual(knownRoots);
  });

  it('hashes leaves of every size as SHA-256(0x00 || data)', () => {
    for (const size of [0, 1, 32, 64, 65, 65_535, 65_536, 200_000]) {
      const data = Buffer.alloc(size, 0xa5);
      expect(hashLeaf(data)).toEqual(naiveLeafHash(data));
    }
  });

  it('returns hashes that later hashing does not change', () => {
    const first = hashLeaf(Buffer.from('first'));
    const node = hashChildren(first, first);
    const kept = [first.toString('hex'), node.toString('hex')];
    hashChildren(hashLeaf(Buffer.from('second')), node);
    expect([first.toString('hex'), node.toString('hex')]).toEqual(kept);
    emptyRoot().fill(0);
    expect(emptyRoot()).toEqual(createHash('sha256').digest());
  });

  it('keeps leaves and nodes apart, so that a node cannot pass for an entry', () => {
    const [left, right] = [hashLeaf(Buffer.from('l')), hashLeaf(Buffer.from('r'))];
    expect(hashLeaf(Buffer.concat([left, right]))).not.toEqual(hashChildren(left, right));
  });

  it('refuses children that are not hashes', () => {
    expect(() => hashChildren(Buffer.alloc(31), Buffer.alloc(32))).toThrow('32 bytes');
    expect(() => hashChildren(Buffer.alloc(32), Buffer.alloc(33))).toThrow('32 bytes');
  });

  it('folds a perfect subtree to the root of the naive tree', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8 }), (height) => {
        const leaves = distinctLeaves(2 ** height);
        expect(hashPerfectSubtree(Buffer.concat(leaves))).toEqual(naiveRoot(leaves));
      }),
      { numRuns: 20 },
    );
    for (const size of [0, 16, 31, 96]) expect(() => hashPerfectSubtree(Buffer.alloc(size))).toThrow('power of two');
  });
});
