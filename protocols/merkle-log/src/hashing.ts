import { createHash, hash } from 'node:crypto';

/** SHA-256 (tlog-tiles, "APIs"). */
export const hashSize = 32;

const leafPrefix = 0x00;
const nodePrefix = 0x01;

// One-shot hashing of a reused input takes a third of the time. Reuse is safe because hashing is synchronous.
const largestReusedLeaf = 65_535;
const leafInput = Buffer.alloc(1 + largestReusedLeaf, leafPrefix);
const nodeInput = Buffer.alloc(1 + 2 * hashSize, nodePrefix);

/** `SHA-256("")` (RFC 6962 section 2.1), in a new buffer. */
export function emptyRoot(): Buffer {
  return createHash('sha256').digest();
}

/** `SHA-256(0x00 || data)` (RFC 6962 section 2.1). */
export function hashLeaf(data: Uint8Array): Buffer {
  if (data.length > largestReusedLeaf)
    return createHash('sha256').update(leafInput.subarray(0, 1)).update(data).digest();
  leafInput.set(data, 1);
  return oneShot(leafInput.subarray(0, 1 + data.length));
}

/** `SHA-256(0x01 || left || right)` (RFC 6962 section 2.1), of 32 bytes each. */
export function hashChildren(left: Uint8Array, right: Uint8Array): Buffer {
  if (left.length !== hashSize || right.length !== hashSize) throw new Error('a child hash is not 32 bytes long');
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + hashSize);
  return oneShot(nodeInput);
}

/** @param hashes concatenated hashes of equal height: 32 bytes times a power of two */
export function hashPerfectSubtree(hashes: Uint8Array): Buffer {
  let width = hashes.length / hashSize;
  if (width < 1 || !Number.isInteger(Math.log2(width)))
    throw new Error('a perfect subtree has a power of two of hashes');
  const row = Buffer.from(hashes);
  for (; width > 1; width /= 2) {
    for (let pair = 0; pair < width / 2; pair++) {
      row.copy(nodeInput, 1, pair * 2 * hashSize, (pair + 1) * 2 * hashSize);
      row.write(hash('sha256', nodeInput, 'binary'), pair * hashSize, hashSize, 'latin1');
    }
  }
  return Buffer.from(row.subarray(0, hashSize));
}

// A latin1 digest copied to a buffer is several times faster than a digest as a buffer.
function oneShot(input: Buffer): Buffer {
  return Buffer.from(hash('sha256', input, 'binary'), 'latin1');
}

export function isHash(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === hashSize;
}

/** `every` would skip the holes of a sparse array. */
export function areHashes(values: readonly unknown[]): values is readonly Uint8Array[] {
  for (const value of values) if (!isHash(value)) return false;
  return true;
}

/** Not constant-time: for public values only. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
