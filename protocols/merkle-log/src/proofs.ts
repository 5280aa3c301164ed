import { merkleLogErrors } from './errors.ts';
import { areHashes, hashChildren } from './hashing.ts';
import { coverRange, type EntryRange, type NodeId, splitPoint } from './nodes.ts';
import { isTreeSize } from './tree-size.ts';

/** One group of nodes per proof hash, in order. A group of several nodes is an incomplete subtree at the right edge. */
export type ProofPlan = readonly (readonly NodeId[])[];

/** One hash per node, in order. `createNodeReader` makes one from tiles. */
export type ReadHashes = (nodes: readonly NodeId[]) => readonly Uint8Array[] | Promise<readonly Uint8Array[]>;

/** `PATH(index, D[size])` (RFC 6962 section 2.1.1). @throws CodedError `proof_out_of_range` unless `index < size` */
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

/** RFC 6962 section 2.1.2; empty if `from` is 0 or `to`. @throws CodedError `proof_out_of_range` if `from > to` */
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
  // The rest ends at `from`. The verifier knows its hash only if it is the whole old tree.
  if (begin > 0n) ranges.push({ begin, end });
  return ranges.reverse().map(coverRange);
}

/** @param hashes one per node of `plan.flat()` @throws CodedError `tile_corrupt` if they do not fit the plan */
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

/** {@link planInclusion}, read and assembled. */
export async function proveInclusion(request: {
  readonly index: bigint;
  readonly size: bigint;
  readonly readHashes: ReadHashes;
}): Promise<Buffer[]> {
  const plan = planInclusion(request);
  return assembleProof(plan, await request.readHashes(plan.flat()));
}

/** {@link planConsistency}, read and assembled. */
export async function proveConsistency(request: {
  readonly from: bigint;
  readonly to: bigint;
  readonly readHashes: ReadHashes;
}): Promise<Buffer[]> {
  const plan = planConsistency(request);
  return assembleProof(plan, await request.readHashes(plan.flat()));
}
