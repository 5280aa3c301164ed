/** The complete subtree over `[index * 2^level, (index + 1) * 2^level)`. Level 0 is a leaf. Its hash never changes. */
export interface NodeId {
  readonly level: number;
  readonly index: bigint;
}

/** `[begin, end)`. */
export interface EntryRange {
  readonly begin: bigint;
  readonly end: bigint;
}

/** From left to right. @param range a subtree as RFC 6962 splits trees; one that begins at 0 always is */
export function coverRange(range: EntryRange): NodeId[] {
  const nodes: NodeId[] = [];
  const length = range.end - range.begin;
  let begin = range.begin;
  for (let level = bitLength(length) - 1; level >= 0; level--) {
    const shift = BigInt(level);
    if (((length >> shift) & 1n) === 0n) continue;
    nodes.push({ level, index: begin >> shift });
    begin += 1n << shift;
  }
  return nodes;
}

/** The largest power of two below `length`, which is at least 2 (RFC 6962 section 2.1). */
export function splitPoint(length: bigint): bigint {
  return 1n << BigInt(bitLength(length - 1n) - 1);
}

function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length;
}
