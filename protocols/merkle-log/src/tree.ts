import { merkleLogErrors } from './errors.ts';
import { areHashes, emptyRoot, hashChildren, isHash } from './hashing.ts';
import { coverRange } from './nodes.ts';
import { isTreeSize } from './tree-size.ts';

/** Size, and hashes of the complete subtrees, largest first. */
export interface FrontierState {
  readonly size: bigint;
  readonly hashes: readonly Uint8Array[];
}

interface Peak {
  readonly level: number;
  readonly hash: Uint8Array;
}

/** The right edge of an append-only tree: at most 64 hashes. Immutable: adopt {@link append} after the commit. */
export class Frontier {
  static readonly empty = new Frontier(0n, []);

  readonly size: bigint;
  readonly #peaks: readonly Peak[];

  private constructor(size: bigint, peaks: readonly Peak[]) {
    this.size = size;
    this.#peaks = peaks;
  }

  /** Expects the hashes of `coverRange({ begin: 0n, end: size })`. @throws CodedError `frontier_corrupt` */
  static restore(state: FrontierState): Frontier {
    const { size, hashes } = state;
    if (!isTreeSize(size)) throw merkleLogErrors.error('frontier_corrupt', 'The kept tree size is out of range.');
    const nodes = coverRange({ begin: 0n, end: size });
    const peaks = nodes.flatMap(({ level }, position): Peak[] => {
      const hash = hashes[position];
      return isHash(hash) ? [{ level, hash: Buffer.from(hash) }] : [];
    });
    if (peaks.length !== nodes.length || hashes.length !== nodes.length)
      throw merkleLogErrors.error('frontier_corrupt', 'The kept hashes do not belong to a tree of the kept size.');
    return new Frontier(size, peaks);
  }

  /** @param leafHashes from `hashLeaf`; copied */
  append(leafHashes: readonly Uint8Array[]): Frontier {
    const size = this.size + BigInt(leafHashes.length);
    if (!isTreeSize(size) || !areHashes(leafHashes))
      throw new Error('a frontier takes leaf hashes of 32 bytes, up to 2^64 - 1 of them');
    const peaks = [...this.#peaks];
    for (const leafHash of leafHashes) {
      let level = 0;
      let hash = leafHash;
      for (let last = peaks.at(-1); last?.level === level; last = peaks.at(-1)) {
        hash = hashChildren(last.hash, hash);
        level++;
        peaks.pop();
      }
      peaks.push({ level, hash });
    }
    const last = peaks.pop();
    // Only the last peak can be the caller's own buffer.
    if (last !== undefined) peaks.push({ level: last.level, hash: Buffer.from(last.hash) });
    return new Frontier(size, peaks);
  }

  /** RFC 6962 section 2.1. */
  root(): Buffer {
    const last = this.#peaks.at(-1);
    if (last === undefined) return emptyRoot();
    return Buffer.from(
      this.#peaks.slice(0, -1).reduceRight((right, peak) => hashChildren(peak.hash, right), last.hash),
    );
  }

  state(): { readonly size: bigint; readonly hashes: readonly Buffer[] } {
    return { size: this.size, hashes: this.#peaks.map((peak) => Buffer.from(peak.hash)) };
  }
}
