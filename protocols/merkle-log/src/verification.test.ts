import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyRoot, maxTreeSize, planInclusion, verifyConsistency, verifyInclusion } from './index.ts';
import { distinctLeaves, naivePath, naiveProof, naiveRoot } from './testing/naive-tree.ts';
import { filesBelow, hasVectors, unpackVectors } from './testing/vectors.ts';

const archive = 'rfc6962-merkle/probes.tar.gz';

interface Probe {
  readonly wantErr: boolean;
  readonly proof: readonly string[] | null;
  readonly [field: string]: unknown;
}

/** Sizes reach 2^64 - 1, which JSON numbers lose: they are quoted before parsing. */
function readProbe(path: string): Probe {
  const text = readFileSync(path, 'utf8').replaceAll(/("(?:leafIdx|treeSize|size1|size2)":\s*)(\d+)/g, '$1"$2"');
  return JSON.parse(text) as Probe;
}

const size = (value: unknown) => BigInt(String(value));
const bytes = (value: unknown) => Buffer.from(String(value), 'base64');

describe.skipIf(!hasVectors(archive))('public probes (skipped without the vectors folder)', () => {
  const folder = hasVectors(archive) ? unpackVectors(archive) : '';
  const paths = folder === '' ? [] : filesBelow(folder);

  it('are complete', () => {
    expect(paths.filter((path) => path.startsWith('inclusion/')).length).toBeGreaterThan(80);
    expect(paths.filter((path) => path.startsWith('consistency/')).length).toBeGreaterThan(80);
  });

  it.each(paths)('%s is judged as its author states', (path) => {
    const probe = readProbe(join(folder, path));
    const proof = (probe.proof ?? []).map(bytes);
    const verdict = path.startsWith('inclusion/')
      ? verifyInclusion({
          index: size(probe.leafIdx),
          size: size(probe.treeSize),
          leafHash: bytes(probe.leafHash),
          root: bytes(probe.root),
          proof,
        })
      : verifyConsistency({
          from: size(probe.size1),
          to: size(probe.size2),
          fromRoot: bytes(probe.root1),
          toRoot: bytes(probe.root2),
          proof,
        });
    expect(verdict.ok).toBe(!probe.wantErr);
  });
});

const leaves = distinctLeaves(200);

function inclusionClaim(index: number, treeSize: number) {
  return {
    index: BigInt(index),
    size: BigInt(treeSize),
    leafHash: leaves[index] ?? Buffer.alloc(0),
    proof: naivePath(index, leaves.slice(0, treeSize)),
    root: naiveRoot(leaves.slice(0, treeSize)),
  };
}

function consistencyClaim(from: number, to: number) {
  return {
    from: BigInt(from),
    to: BigInt(to),
    fromRoot: naiveRoot(leaves.slice(0, from)),
    toRoot: naiveRoot(leaves.slice(0, to)),
    proof: naiveProof(from, leaves.slice(0, to)),
  };
}

const inclusions = fc
  .integer({ min: 1, max: 200 })
  .chain((treeSize) => fc.nat(treeSize - 1).map((index) => inclusionClaim(index, treeSize)));
const consistencies = fc
  .integer({ min: 2, max: 200 })
  .chain((to) => fc.integer({ min: 1, max: to - 1 }).map((from) => consistencyClaim(from, to)));

function flip(hash: Uint8Array, bit: number): Buffer {
  const flipped = Buffer.from(hash);
  const at = bit % (flipped.length * 8);
  flipped.writeUInt8(flipped.readUInt8(at >> 3) ^ (1 << (at & 7)), at >> 3);
  return flipped;
}

function flipOneOf(hashes: readonly Buffer[], which: number, bit: number): Buffer[] {
  return hashes.map((hash, position) => (position === which % hashes.length ? flip(hash, bit) : hash));
}

describe('an inclusion proof', () => {
  it('is valid for its own tree, and for no flipped bit', () => {
    fc.assert(
      fc.property(inclusions, fc.nat(), fc.nat(), (claim, which, bit) => {
        expect(verifyInclusion(claim)).toEqual({ ok: true });
        const mismatch = { ok: false, reason: 'root_mismatch' };
        expect(verifyInclusion({ ...claim, leafHash: flip(claim.leafHash, bit) })).toEqual(mismatch);
        expect(verifyInclusion({ ...claim, root: flip(claim.root, bit) })).toEqual(mismatch);
        if (claim.proof.length === 0) return;
        expect(verifyInclusion({ ...claim, proof: flipOneOf(claim.proof, which, bit) })).toEqual(mismatch);
      }),
    );
  });

  it('is invalid at any other index', () => {
    fc.assert(
      fc.property(inclusions, fc.nat(250), (claim, other) => {
        fc.pre(BigInt(other) !== claim.index);
        expect(verifyInclusion({ ...claim, index: BigInt(other) }).ok).toBe(false);
      }),
    );
  });

  it('is invalid for any size that needs another number of hashes', () => {
    // Sizes under which an entry's path has the same shape share its proof: size and root belong together, and
    // the checkpoint signs both.
    fc.assert(
      fc.property(inclusions, fc.integer({ min: 1, max: 400 }), (claim, other) => {
        const otherSize = BigInt(other);
        fc.pre(
          claim.index >= otherSize ||
            planInclusion({ index: claim.index, size: otherSize }).length !== claim.proof.length,
        );
        const reason = claim.index >= otherSize ? 'index_beyond_size' : 'wrong_proof_length';
        expect(verifyInclusion({ ...claim, size: otherSize })).toEqual({ ok: false, reason });
      }),
    );
  });

  it('is invalid with a hash left out, added or moved', () => {
    fc.assert(
      fc.property(inclusions, ({ ...claim }) => {
        const lengths = [claim.proof.slice(1), [...claim.proof, claim.root], [claim.root, ...claim.proof]];
        for (const proof of claim.proof.length === 0 ? lengths.slice(1) : lengths)
          expect(verifyInclusion({ ...claim, proof })).toEqual({ ok: false, reason: 'wrong_proof_length' });
        if (claim.proof.length > 1)
          expect(verifyInclusion({ ...claim, proof: claim.proof.toReversed() }).ok).toBe(false);
      }),
    );
  });

  it('is invalid in the empty tree', () => {
    const claim = { index: 0n, size: 0n, leafHash: emptyRoot(), root: emptyRoot(), proof: [] };
    expect(verifyInclusion(claim)).toEqual({ ok: false, reason: 'index_beyond_size' });
  });
});

describe('a consistency proof', () => {
  it('is valid for its own trees, and for no flipped bit', () => {
    fc.assert(
      fc.property(consistencies, fc.nat(), fc.nat(), (claim, which, bit) => {
        expect(verifyConsistency(claim)).toEqual({ ok: true });
        expect(verifyConsistency({ ...claim, fromRoot: flip(claim.fromRoot, bit) }).ok).toBe(false);
        expect(verifyConsistency({ ...claim, toRoot: flip(claim.toRoot, bit) }).ok).toBe(false);
        expect(verifyConsistency({ ...claim, proof: flipOneOf(claim.proof, which, bit) }).ok).toBe(false);
      }),
    );
  });

  it('is invalid from any other size', () => {
    fc.assert(
      fc.property(consistencies, fc.nat(250), (claim, other) => {
        fc.pre(BigInt(other) !== claim.from);
        expect(verifyConsistency({ ...claim, from: BigInt(other) }).ok).toBe(false);
      }),
    );
  });

  it('is invalid with a hash left out or added', () => {
    fc.assert(
      fc.property(consistencies, (claim) => {
        for (const proof of [claim.proof.slice(1), claim.proof.slice(0, -1), [...claim.proof, claim.toRoot]])
          expect(verifyConsistency({ ...claim, proof }).ok).toBe(false);
      }),
    );
  });

  it('does not connect two different histories', () => {
    const other = distinctLeaves(20);
    other[3] = Buffer.alloc(32, 1);
    const forked = { ...consistencyClaim(9, 20), toRoot: naiveRoot(other), proof: naiveProof(9, other) };
    expect(verifyConsistency(forked)).toEqual({ ok: false, reason: 'from_root_mismatch' });
  });

  it('proves nothing if the old tree is empty', () => {
    const claim = { from: 0n, to: 5n, fromRoot: emptyRoot(), toRoot: naiveRoot(leaves.slice(0, 5)), proof: [] };
    expect(verifyConsistency(claim)).toEqual({ ok: false, reason: 'empty_tree' });
  });

  it('never leads to a smaller tree, and between equal sizes only to the same root', () => {
    const claim = consistencyClaim(5, 9);
    expect(verifyConsistency({ ...claim, from: 9n, to: 5n })).toEqual({ ok: false, reason: 'shrinks' });
    const same = { from: 9n, to: 9n, fromRoot: claim.toRoot, toRoot: claim.toRoot };
    expect(verifyConsistency({ ...same, proof: [] })).toEqual({ ok: true });
    expect(verifyConsistency({ ...same, proof: claim.proof })).toEqual({ ok: false, reason: 'wrong_proof_length' });
    expect(verifyConsistency({ ...same, toRoot: claim.fromRoot, proof: [] })).toEqual({
      ok: false,
      reason: 'to_root_mismatch',
    });
  });
});

describe('hostile claims', () => {
  const anyHashes = fc.array(
    fc.oneof(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array({ maxLength: 40 })),
    {
      maxLength: 80,
    },
  );
  const anySize = fc.oneof(fc.bigInt({ min: -2n, max: 10n }), fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }));

  it('return a verdict without an exception', () => {
    fc.assert(
      fc.property(
        anySize,
        anySize,
        fc.uint8Array({ maxLength: 33 }),
        fc.uint8Array({ maxLength: 33 }),
        anyHashes,
        (a, b, x, y, proof) => {
          fc.pre(a !== b);
          expect(verifyInclusion({ index: a, size: b, leafHash: x, root: y, proof }).ok).toBe(false);
          expect(verifyConsistency({ from: a, to: b, fromRoot: x, toRoot: y, proof }).ok).toBe(false);
        },
      ),
    );
  });

  it('of the largest sizes with endless proofs end early', () => {
    const proof = Array.from({ length: 100_000 }, () => Buffer.alloc(32));
    const hash = Buffer.alloc(32);
    expect(verifyInclusion({ index: 0n, size: maxTreeSize, leafHash: hash, root: hash, proof })).toEqual({
      ok: false,
      reason: 'wrong_proof_length',
    });
    expect(verifyConsistency({ from: 1n, to: maxTreeSize, fromRoot: hash, toRoot: hash, proof })).toEqual({
      ok: false,
      reason: 'wrong_proof_length',
    });
  });

  it('with values of other types, as JSON could hold, are malformed', () => {
    const claim = inclusionClaim(3, 9);
    const wrong: Record<string, unknown>[] = [
      { index: 3 },
      { size: '9' },
      { leafHash: null },
      { root: 'root' },
      { proof: null },
      { proof: [null, 1, 'x', {}] },
      { proof: new Array(4) },
    ];
    for (const fields of wrong)
      expect(verifyInclusion({ ...claim, ...fields } as typeof claim)).toEqual({ ok: false, reason: 'malformed' });
    const pair = consistencyClaim(3, 9);
    for (const fields of [
      { from: 3 },
      { to: null },
      { fromRoot: [] },
      { toRoot: undefined },
      { proof: {} },
      { proof: new Array(4) },
    ])
      expect(verifyConsistency({ ...pair, ...fields } as unknown as typeof pair)).toEqual({
        ok: false,
        reason: 'malformed',
      });
  });
});
