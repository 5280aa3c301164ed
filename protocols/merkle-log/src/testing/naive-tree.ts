import { createHash } from 'node:crypto';

// RFC 6962 section 2.1 as written, on arrays: slow, and independent of the package's code.

export function naiveLeafHash(data: Uint8Array): Buffer {
  return createHash('sha256').update(Buffer.of(0)).update(data).digest();
}

function naiveNodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256').update(Buffer.of(1)).update(left).update(right).digest();
}

function split(length: number): number {
  let k = 1;
  while (k * 2 < length) k *= 2;
  return k;
}

/** MTH over leaf hashes. */
export function naiveRoot(leafHashes: readonly Buffer[]): Buffer {
  const [first] = leafHashes;
  if (first === undefined) return createHash('sha256').digest();
  if (leafHashes.length === 1) return first;
  const k = split(leafHashes.length);
  return naiveNodeHash(naiveRoot(leafHashes.slice(0, k)), naiveRoot(leafHashes.slice(k)));
}

/** PATH(m, D[n]). */
export function naivePath(m: number, leafHashes: readonly Buffer[]): Buffer[] {
  if (leafHashes.length <= 1) return [];
  const k = split(leafHashes.length);
  const left = leafHashes.slice(0, k);
  const right = leafHashes.slice(k);
  return m < k ? [...naivePath(m, left), naiveRoot(right)] : [...naivePath(m - k, right), naiveRoot(left)];
}

/** PROOF(m, D[n]), for 0 < m <= n. */
export function naiveProof(m: number, leafHashes: readonly Buffer[]): Buffer[] {
  return subproof(m, leafHashes, true);
}

function subproof(m: number, leafHashes: readonly Buffer[], whole: boolean): Buffer[] {
  if (m === leafHashes.length) return whole ? [] : [naiveRoot(leafHashes)];
  const k = split(leafHashes.length);
  const left = leafHashes.slice(0, k);
  const right = leafHashes.slice(k);
  if (m <= k) return [...subproof(m, left, whole), naiveRoot(right)];
  return [...subproof(m - k, right, false), naiveRoot(left)];
}

/** Leaf hashes of `count` entries that are all different. */
export function distinctLeaves(count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => naiveLeafHash(Buffer.from(`entry ${index}`)));
}
