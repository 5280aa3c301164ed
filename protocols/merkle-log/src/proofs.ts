import { merkleLogErrors } from './errors.ts';
import { areHashes, hashChildren } from './hashing.ts';
import { coverRange, type EntryRange, type NodeId, splitPoint } from './nodes.ts';
import { isTreeSize } from './tree-size.ts';

/**
 * Which nodes a proof is made of: one group a proof hash, in the proof's order. A group of several nodes is a
 * subtree at the right edge that is not complete; its hash is folded from complete ones, left to right.
 */
export type ProofPlan = readonly (readonly NodeId[])[];

/** Answers with the hash of each node, in the order asked. `createNodeReader` makes one from tiles. */
export type ReadHashes = (nodes: readonly NodeId[]) => readonly Uint8Array[] | Promise<readonly Uint8Array[]>;

/**
 * The plan of `PATH(index, D[size])` (RFC 6962 section 2.1.1): the leaf's sibling first.
 *
 * @throws CodedError `proof_out_of_range` unless `index < size`.
 */
export function planInclusion({ index, size }: { readonly index: bigint; readonly size: bigint }): ProofPlan {
  if (!isTreeSize(index) || !isTreeSize(size) || index >= size)
    throw merkleLogErrors.error('proof_out_of_range', 'The tree of this size has no entry at this index.');
  const siblings: EntryRange[] = [];
  let begin = 0n;
  let end = size;
  while (end - begin > 1n) {
    const middle = begin + splitPoint(end - begin);
    if (index < middle) {
      siblings.push({ begin: middle, end });
      end = middle;
    } else {
      siblings.push({ begin, end: middle });
      begin = middle;
    }
  }
  return siblings.reverse().map(coverRange);
}

/**
 * The plan of `PROOF(from, D[to])` (RFC 6962 section 2.1.2). Empty when `from` is 0 or equals `to`: then there
 * is nothing to prove.
 *
 * @throws CodedError `proof_out_of_range` when `from > to`.
 */
export function planConsistency({ from, to }: { readonly from: bigint; readonly to: bigint }): ProofPlan {
  if (!isTreeSize(from) || !isTreeSize(to) || from > to)
    throw merkleLogErrors.error('proof_out_of_range', 'A tree is consistent only with one that is at least as large.');
  if (from === 0n) return [];
  const ranges: EntryRange[] = [];
  let begin = 0n;
  let end = to;
  while (from < end) {
    const middle = begin + splitPoint(end - begin);
    if (from <= middle) {
      ranges.push({ begin: middle, end });
      end = middle;
    } else {
      ranges.push({ begin, end: middle });
      begin = middle;
    }
  }
  // What is left ends at `from`. The verifier knows its hash only when it is the whole old tree.
  if (begin > 0n) ranges.push({ begin, end });
  return ranges.reverse().map(coverRange);
}

/**
 * The proof hashes of a plan.
 *
 * @param hashes one for each node of the plan, in the order of `plan.flat()`
 * @throws CodedError `tile_corrupt` when they are not as many, or not 32 bytes each.
 */
export function assembleProof(plan: ProofPlan, hashes: readonly Uint8Array[]): Buffer[] {
  if (hashes.length !== plan.flat().length || !areHashes(hashes))
    throw merkleLogErrors.error('tile_corrupt', 'The stored tree did not answer with the hashes of the proof.');
  let taken = 0;
  return plan.map((group) => {
    const parts = hashes.slice(taken, taken + group.length);
    taken += group.length;
    return Buffer.from(parts.reduceRight((right, left) => hashChildren(left, right)));
  });
}

/** The inclusion proof of the entry at `index` in the tree of `size` entries: {@link planInclusion}, read and assembled. */
export async function proveInclusion(request: {
  readonly index: bigint;
  readonly size: bigint;
  readonly readHashes: ReadHashes;
}): Promise<Buffer[]> {
  const plan = planInclusion(request);
  return assembleProof(plan, await request.readHashes(plan.flat()));
}

/** The consistency proof between the trees of `from` and `to` entries: {@link planConsistency}, read and assembled. */
export async function proveConsistency(request: {
  readonly from: bigint;
  readonly to: bigint;
  readonly readHashes: ReadHashes;
}): Promise<Buffer[]> {
  const plan = planConsistency(request);
  return assembleProof(plan, await request.readHashes(plan.flat()));
}
