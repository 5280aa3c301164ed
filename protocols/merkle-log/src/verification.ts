import { areHashes, hashChildren, isHash, sameBytes } from './hashing.ts';
import { isTreeSize } from './tree-size.ts';

// A path in a tree of less than 2^64 entries has at most 64 hashes; a consistency proof has one more.
const maxInclusionHashes = 64;
const maxConsistencyHashes = 65;

export interface InclusionClaim {
  readonly index: bigint;
  readonly size: bigint;
  readonly leafHash: Uint8Array;
  readonly proof: readonly Uint8Array[];
  readonly root: Uint8Array;
}

export type InclusionVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: 'malformed' | 'index_beyond_size' | 'wrong_proof_length' | 'root_mismatch' };

/**
 * RFC 9162 section 2.1.3.2, for the trees of RFC 6962. Never throws; at most 64 hashes of work. The root must come from
 * a verified checkpoint.
 */
export function verifyInclusion(claim: InclusionClaim): InclusionVerdict {
  const { index, size, leafHash, proof, root } = claim;
  if (!isTreeSize(index) || !isTreeSize(size) || !isHash(leafHash) || !isHash(root) || !Array.isArray(proof))
    return { ok: false, reason: 'malformed' };
  if (index >= size) return { ok: false, reason: 'index_beyond_size' };
  if (proof.length > maxInclusionHashes) return { ok: false, reason: 'wrong_proof_length' };
  if (!areHashes(proof)) return { ok: false, reason: 'malformed' };

  let node = index;
  let last = size - 1n;
  let hash = leafHash;
  for (const sibling of proof) {
    if (last === 0n) return { ok: false, reason: 'wrong_proof_length' };
    if (isOdd(node) || node === last) {
      hash = hashChildren(sibling, hash);
      // At the right edge, levels without a sibling have no proof hash.
      while (!isOdd(node) && node !== 0n) {
        node >>= 1n;
        last >>= 1n;
      }
    } else {
      hash = hashChildren(hash, sibling);
    }
    node >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n) return { ok: false, reason: 'wrong_proof_length' };
  return sameBytes(hash, root) ? { ok: true } : { ok: false, reason: 'root_mismatch' };
}

export interface ConsistencyClaim {
  readonly from: bigint;
  readonly to: bigint;
  readonly fromRoot: Uint8Array;
  readonly toRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

export type ConsistencyVerdict =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly reason:
        | 'malformed'
        | 'empty_tree'
        | 'shrinks'
        | 'wrong_proof_length'
        | 'from_root_mismatch'
        | 'to_root_mismatch';
    };

/**
 * RFC 9162 section 2.1.4.2, for the trees of RFC 6962. Never throws; at most 130 hashes of work. `from` 0 is refused as
 * `empty_tree`, because an `ok` would accept any `toRoot`.
 */
export function verifyConsistency(claim: ConsistencyClaim): ConsistencyVerdict {
  const { from, to, fromRoot, toRoot, proof } = claim;
  if (!isTreeSize(from) || !isTreeSize(to) || !isBytes(fromRoot) || !isBytes(toRoot) || !Array.isArray(proof))
    return { ok: false, reason: 'malformed' };
  if (to < from) return { ok: false, reason: 'shrinks' };
  if (from === 0n) return { ok: false, reason: 'empty_tree' };
  if (from === to) {
    if (proof.length > 0) return { ok: false, reason: 'wrong_proof_length' };
    return sameBytes(fromRoot, toRoot) ? { ok: true } : { ok: false, reason: 'to_root_mismatch' };
  }
  if (proof.length > maxConsistencyHashes) return { ok: false, reason: 'wrong_proof_length' };
  if (!isHash(fromRoot) || !isHash(toRoot) || !areHashes(proof)) return { ok: false, reason: 'malformed' };

  // For a power of two, the old root is a complete subtree, and the proof omits it.
  const path: readonly Uint8Array[] = (from & (from - 1n)) === 0n ? [fromRoot, ...proof] : proof;
  const [start, ...rest] = path;
  if (start === undefined) return { ok: false, reason: 'wrong_proof_length' };
  let node = from - 1n;
  let last = to - 1n;
  while (isOdd(node)) {
    node >>= 1n;
    last >>= 1n;
  }
  let oldHash = start;
  let newHash = start;
  for (const sibling of rest) {
    if (last === 0n) return { ok: false, reason: 'wrong_proof_length' };
    if (isOdd(node) || node === last) {
      oldHash = hashChildren(sibling, oldHash);
      newHash = hashChildren(sibling, newHash);
      while (!isOdd(node) && node !== 0n) {
        node >>= 1n;
        last >>= 1n;
      }
    } else {
      newHash = hashChildren(newHash, sibling);
    }
    node >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n) return { ok: false, reason: 'wrong_proof_length' };
  if (!sameBytes(oldHash, fromRoot)) return { ok: false, reason: 'from_root_mismatch' };
  return sameBytes(newHash, toRoot) ? { ok: true } : { ok: false, reason: 'to_root_mismatch' };
}

function isOdd(value: bigint): boolean {
  return (value & 1n) === 1n;
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}
